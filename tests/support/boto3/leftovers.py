"""Leaves one thing of each kind with our tags in a region, and prints their ids as JSON.

usage: leftovers.py ENDPOINT REGION DEPLOYMENT

What a run that was cut short may leave: a network with two groups that name each other, an interface
on somebody's instance, a volume, an address, a key pair, a launch template.
"""

import json
import sys

import boto3

KEYS = dict(aws_access_key_id="leftovers", aws_secret_access_key="leftovers")
PUBLIC_KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH522IR0oy1OSZYdo1tKW42/OmnpOYsqKx6DZMqtuRRh somebody"


def main(endpoint: str, region: str, deployment: str) -> None:
    ec2 = boto3.client("ec2", region_name=region, endpoint_url=endpoint, **KEYS)

    def born(kind: str) -> list:
        # Two hours old: a cleanup leaves alone what may be in the making.
        tags = {
            "ManagedBy": "spot-tui",
            "DeploymentId": deployment,
            "CreatedBy": "leftovers",
            "CreatedAt": "2025-03-24T10:18:19Z",
            "Name": f"spot-tui-{deployment}",
        }
        return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]

    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16", TagSpecifications=born("vpc"))["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.42.0.0/20", TagSpecifications=born("subnet"))
    subnet = subnet["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway(TagSpecifications=born("internet-gateway"))
    gateway = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=born("route-table"))["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    groups = [
        ec2.create_security_group(
            GroupName=f"spot-tui-{name}", Description=name, VpcId=vpc, TagSpecifications=born("security-group")
        )["GroupId"]
        for name in ("one", "two")
    ]
    for one, other in (groups, reversed(groups)):
        rule = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": other}]}]
        ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=rule)
        ec2.authorize_security_group_egress(GroupId=one, IpPermissions=rule)
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    theirs = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    theirs = theirs["Instances"][0]
    attached = ec2.create_network_interface(
        SubnetId=theirs["SubnetId"], TagSpecifications=born("network-interface")
    )["NetworkInterface"]["NetworkInterfaceId"]
    ec2.attach_network_interface(NetworkInterfaceId=attached, InstanceId=theirs["InstanceId"], DeviceIndex=1)
    loose = ec2.create_network_interface(SubnetId=subnet, TagSpecifications=born("network-interface"))
    loose = loose["NetworkInterface"]["NetworkInterfaceId"]
    volume = ec2.create_volume(
        AvailabilityZone=f"{region}a", Size=8, TagSpecifications=born("volume")
    )["VolumeId"]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=born("elastic-ip"))["AllocationId"]
    key = ec2.import_key_pair(
        KeyName=f"spot-tui-{deployment}", PublicKeyMaterial=PUBLIC_KEY, TagSpecifications=born("key-pair")
    )["KeyPairId"]
    template = ec2.create_launch_template(
        LaunchTemplateName=f"spot-tui-{deployment}",
        LaunchTemplateData={"InstanceType": "t3.micro"},
        TagSpecifications=born("launch-template"),
    )["LaunchTemplate"]["LaunchTemplateId"]
    made = [vpc, subnet, gateway, table, *groups, attached, loose, volume, address, key, template]
    print(json.dumps(made))


main(*sys.argv[1:])
