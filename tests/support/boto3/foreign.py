"""Makes somebody else's things that look like ours, and prints their ids as JSON.

usage: foreign.py ENDPOINT REGION...

In each region: a VPC with a subnet, a group, a key pair and an instance, with our names and
almost our tags: of another tool, of another deployment of ours, and without the tag that counts.
"""

import json
import sys

import boto3

KEYS = dict(aws_access_key_id="stranger", aws_secret_access_key="stranger")

PUBLIC_KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH522IR0oy1OSZYdo1tKW42/OmnpOYsqKx6DZMqtuRRh somebody"

ALMOST = {
    "other-tool": {"ManagedBy": "spot-tui-py", "DeploymentId": "spot-test", "Name": "spot-tui-spot-test"},
    "other-deployment": {"ManagedBy": "spot-tui", "DeploymentId": "spot-other", "Name": "spot-tui-spot-other"},
    "untagged": {"Name": "spot-tui-spot-test"},
}


def born(kind: str, tags: dict) -> list:
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]


def settle(ec2, image: str, owner: str, tags: dict, number: int) -> list:
    vpc = ec2.create_vpc(CidrBlock=f"10.{200 + number}.0.0/16", TagSpecifications=born("vpc", tags))["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(
        VpcId=vpc, CidrBlock=f"10.{200 + number}.0.0/20", TagSpecifications=born("subnet", tags)
    )["Subnet"]["SubnetId"]
    group = ec2.create_security_group(
        GroupName="spot-tui-spot-test", Description=owner, VpcId=vpc, TagSpecifications=born("security-group", tags)
    )["GroupId"]
    key = ec2.import_key_pair(
        KeyName=f"spot-tui-{owner}", PublicKeyMaterial=PUBLIC_KEY, TagSpecifications=born("key-pair", tags)
    )["KeyPairId"]
    machine = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "DeleteOnTermination": True}],
        TagSpecifications=born("instance", tags) + born("volume", tags),
    )["Instances"][0]["InstanceId"]
    return [vpc, subnet, group, key, machine]


def settle_all(ec2) -> list:
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    ids = []
    for number, (owner, tags) in enumerate(ALMOST.items()):
        ids += settle(ec2, image, owner, tags, number)
    return ids


def region(endpoint: str, name: str) -> list:
    return settle_all(boto3.client("ec2", region_name=name, endpoint_url=endpoint, **KEYS))


if __name__ == "__main__":
    endpoint, *names = sys.argv[1:]
    json.dump({name: region(endpoint, name) for name in names}, sys.stdout)
