"""Drives an EC2 endpoint with boto3 from an empty region to an empty region.

Prints one JSON object: what was seen on the way. Fails at the first thing that is not as it
should be.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
session = boto3.Session("key", "secret", region_name="us-west-2")
config = Config(retries={"total_max_attempts": 1})
ec2 = session.client("ec2", endpoint_url=endpoint, config=config)
seen = {}


def code(call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return [error.response["Error"]["Code"], status]
    return None


def tagged(kind):
    tags = [{"Key": "owner", "Value": "boto <&> 3"}]
    return [{"ResourceType": kind, "Tags": tags}]


identity = session.client("sts", endpoint_url=endpoint, config=config).get_caller_identity()
seen["account"] = identity["Account"]
parameter = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
ssm = session.client("ssm", endpoint_url=endpoint, config=config)
image = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
found = ec2.describe_images(Owners=["099720109477"], ImageIds=[image])["Images"]
seen["image"] = found[0]["Name"]
seen["regions"] = len(ec2.describe_regions()["Regions"])
types = ec2.describe_instance_types(InstanceTypes=["t4g.small"])["InstanceTypes"]
seen["vcpus"] = types[0]["VCpuInfo"]["DefaultVCpus"]

vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20")["Subnet"]["SubnetId"]
used = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
group = ec2.create_security_group(VpcId=vpc, GroupName="g", Description="d")["GroupId"]
rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
rule["IpRanges"] = [{"CidrIp": "203.0.113.7/32", "Description": "me"}]
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
owner = {"Name": "tag:owner", "Values": ["boto*"]}
seen["vpc"] = ec2.describe_vpcs(Filters=[owner])["Vpcs"][0]["Tags"]
seen["rules"] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]

launch = {
    "ImageId": image,
    "InstanceType": "t3.medium",
    "MinCount": 12,
    "MaxCount": 12,
    "SubnetId": subnet,
    "SecurityGroupIds": [group],
    "UserData": "#cloud-config",
    "ClientToken": "one",
    "TagSpecifications": tagged("instance"),
}
made = [it["InstanceId"] for it in ec2.run_instances(**launch)["Instances"]]
again = [it["InstanceId"] for it in ec2.run_instances(**launch)["Instances"]]
seen["replayed"] = made == again
seen["mismatch"] = code(ec2.run_instances, **{**launch, "MaxCount": 13})
ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig={"Delay": 1})
pages = ec2.get_paginator("describe_instances").paginate(
    Filters=[owner], PaginationConfig={"PageSize": 5}
)
pages = [[i for r in page["Reservations"] for i in r["Instances"]] for page in pages]
seen["pages"] = [len(page) for page in pages]
seen["state"] = sorted({it["State"]["Name"] for page in pages for it in page})
console = ec2.get_console_output(InstanceId=made[0], Latest=True)
seen["console"] = "Linux version" in console.get("Output", "")
ec2.create_tags(Resources=made[:2], Tags=[{"Key": "team", "Value": "blue"}])
team = {"Name": "tag:team", "Values": ["blue"]}
found = ec2.describe_instances(Filters=[team])["Reservations"]
seen["tagged"] = sum(len(it["Instances"]) for it in found)
ec2.stop_instances(InstanceIds=made[:1])
ec2.get_waiter("instance_stopped").wait(InstanceIds=made[:1], WaiterConfig={"Delay": 1})
ec2.start_instances(InstanceIds=made[:1])
prices = ec2.describe_spot_price_history(
    InstanceTypes=["t3.medium"], ProductDescriptions=["Linux/UNIX"], MaxResults=20
)
seen["price"] = 0 < float(prices["SpotPriceHistory"][0]["SpotPrice"]) < 0.0416

seen["refusals"] = {
    "vpc": code(ec2.delete_vpc, VpcId=vpc),
    "group": code(ec2.delete_security_group, GroupId=group),
    "subnet": code(ec2.delete_subnet, SubnetId=subnet),
    "gateway": code(ec2.delete_internet_gateway, InternetGatewayId=gateway),
    "id": code(ec2.describe_instances, InstanceIds=["i-0123456789abcdef0"]),
    "filter": code(ec2.describe_vpcs, Filters=[{"Name": "colour", "Values": ["red"]}]),
    "dry": code(ec2.create_vpc, CidrBlock="10.1.0.0/16", DryRun=True),
}

ec2.terminate_instances(InstanceIds=made)
ec2.get_waiter("instance_terminated").wait(InstanceIds=made, WaiterConfig={"Delay": 1})
ec2.delete_security_group(GroupId=group)
ec2.delete_subnet(SubnetId=subnet)
ec2.delete_route_table(RouteTableId=table)
ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
ec2.delete_internet_gateway(InternetGatewayId=gateway)
ec2.delete_vpc(VpcId=vpc)
seen["left"] = len(ec2.describe_vpcs(Filters=[owner])["Vpcs"])
print(json.dumps(seen))
