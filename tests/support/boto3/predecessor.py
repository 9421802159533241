"""Launches instances as spot-tui's predecessor did, and prints their ids as JSON.

usage: predecessor.py ENDPOINT REGION COUNT

The tags are those of amauo 3.0.27 (commands/create.py on PyPI), which nothing of ours has.
"""

import json
import sys

import boto3

KEYS = dict(aws_access_key_id="predecessor", aws_secret_access_key="predecessor")

TAGS = {
    "Name": "spot-us-west-2-20250324",
    "ManagedBy": "amauo",
    "DeploymentId": "amauo-1742811499",
    "CreatedAt": "2025-03-24T10:18:19.123456",
    "CreatedBy": "bob",
    "Region": "us-west-2",
    "AmauoVersion": "3.0.27",
    "App": "amauo",
}


def main(endpoint: str, region: str, count: str) -> None:
    ec2 = boto3.client("ec2", region_name=region, endpoint_url=endpoint, **KEYS)
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    launched = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.medium",
        MinCount=int(count),
        MaxCount=int(count),
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    print(json.dumps([instance["InstanceId"] for instance in launched["Instances"]]))


main(*sys.argv[1:])
