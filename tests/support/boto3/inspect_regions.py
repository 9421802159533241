"""Prints, as JSON, everything that is alive in some regions: what an independent client sees.

usage: inspect_regions.py ENDPOINT REGION...
"""

import json
import sys

import boto3

KEYS = dict(aws_access_key_id="inspector", aws_secret_access_key="inspector")


def tags(resource: dict) -> dict:
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags") or resource.get("TagSet") or []}


def pages(ec2, operation: str, result: str, **arguments) -> list:
    return [
        item
        for page in ec2.get_paginator(operation).paginate(**arguments)
        for item in page[result]
    ]


def instance(ec2, found: dict) -> dict:
    volumes = [mapping["Ebs"]["VolumeId"] for mapping in found["BlockDeviceMappings"]]
    options = found.get("MetadataOptions", {})
    return {
        "id": found["InstanceId"],
        "state": found["State"]["Name"],
        "type": found["InstanceType"],
        "image": found["ImageId"],
        "zone": found["Placement"]["AvailabilityZone"],
        "lifecycle": found.get("InstanceLifecycle", "on-demand"),
        "public_ip": found.get("PublicIpAddress"),
        "key": found.get("KeyName"),
        "vpc": found.get("VpcId"),
        "subnet": found.get("SubnetId"),
        "groups": [group["GroupId"] for group in found["SecurityGroups"]],
        "metadata": {"tokens": options.get("HttpTokens"), "hops": options.get("HttpPutResponseHopLimit")},
        "volumes": [volume(v) for v in ec2.describe_volumes(VolumeIds=volumes)["Volumes"]] if volumes else [],
        "tags": tags(found),
    }


def volume(found: dict) -> dict:
    return {
        "id": found["VolumeId"],
        "state": found["State"],
        "encrypted": found["Encrypted"],
        "type": found.get("VolumeType"),
        "gib": found["Size"],
        "tags": tags(found),
    }


def group(found: dict) -> dict:
    ingress = [
        {
            "protocol": rule["IpProtocol"],
            "from_port": rule.get("FromPort"),
            "to_port": rule.get("ToPort"),
            "cidrs": [r["CidrIp"] for r in rule["IpRanges"]] + [r["CidrIpv6"] for r in rule["Ipv6Ranges"]],
        }
        for rule in found["IpPermissions"]
    ]
    return {
        "id": found["GroupId"],
        "name": found["GroupName"],
        "vpc": found["VpcId"],
        "ingress": ingress,
        "tags": tags(found),
    }


def plain(found: list, key: str, *more: str) -> list:
    return [{"id": it[key], **{name: it.get(name) for name in more}, "tags": tags(it)} for it in found]


def region(endpoint: str, name: str) -> dict:
    ec2 = boto3.client("ec2", region_name=name, endpoint_url=endpoint, **KEYS)
    instances = [
        it
        for reservation in pages(ec2, "describe_instances", "Reservations")
        for it in reservation["Instances"]
        if it["State"]["Name"] != "terminated"
    ]
    return {
        "instances": [instance(ec2, it) for it in instances],
        "vpcs": plain(pages(ec2, "describe_vpcs", "Vpcs"), "VpcId", "IsDefault", "CidrBlock"),
        "subnets": plain(
            pages(ec2, "describe_subnets", "Subnets"),
            "SubnetId", "VpcId", "AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "DefaultForAz",
        ),
        "gateways": plain(pages(ec2, "describe_internet_gateways", "InternetGateways"), "InternetGatewayId", "Attachments"),
        "route_tables": plain(
            pages(ec2, "describe_route_tables", "RouteTables"), "RouteTableId", "VpcId", "Routes", "Associations"
        ),
        "groups": [group(it) for it in pages(ec2, "describe_security_groups", "SecurityGroups")],
        "key_pairs": plain(ec2.describe_key_pairs()["KeyPairs"], "KeyPairId", "KeyName", "KeyFingerprint"),
        "spot_requests": plain(
            [it for it in ec2.describe_spot_instance_requests()["SpotInstanceRequests"] if it["State"] in ("open", "active", "disabled")],
            "SpotInstanceRequestId", "State", "InstanceId",
        ),
        "volumes": [volume(it) for it in pages(ec2, "describe_volumes", "Volumes")],
        "interfaces": plain(pages(ec2, "describe_network_interfaces", "NetworkInterfaces"), "NetworkInterfaceId", "Status", "VpcId"),
        "addresses": plain(ec2.describe_addresses()["Addresses"], "AllocationId", "PublicIp"),
    }


endpoint, *names = sys.argv[1:]
json.dump({name: region(endpoint, name) for name in names}, sys.stdout, default=str)
