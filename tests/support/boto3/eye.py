"""An independent client that looks at EC2 again and again without starting anew each time.

One JSON request a line on stdin, one JSON answer a line on stdout:

{"do": "settle", "endpoint": URL, "regions": [..]}   somebody else's things, see foreign.py
{"do": "alive", "endpoint": URL, "regions": [..]}    everything that is there, by kind: {id: tags}
{"do": "up", "endpoint": URL, "regions": [..]}       instances that run or are about to: {id: tags}
{"do": "launched", "endpoint": URL, "regions": [..]} ids of all instances of ours, dead ones too
{"do": "terminate", .., "ids": [..]}                 ends instances and waits for it
{"do": "allocate", .., "tags": [..]}                 allocates an Elastic IP
{"do": "tag", .., "ids": [..], "tags": [..]}         gives things other tags
{"do": "told", .., "ids": [..]}                      the tags of things, as DescribeTags tells them
{"do": "drop_templates", .., "ids": [..]}            deletes launch templates

It ends when stdin does.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

import foreign

KEYS = dict(aws_access_key_id="inspector", aws_secret_access_key="inspector")
SESSION = boto3.Session()
KINDS = {
    "describe_vpcs": ("Vpcs", "VpcId"),
    "describe_subnets": ("Subnets", "SubnetId"),
    "describe_internet_gateways": ("InternetGateways", "InternetGatewayId"),
    "describe_route_tables": ("RouteTables", "RouteTableId"),
    "describe_security_groups": ("SecurityGroups", "GroupId"),
    "describe_volumes": ("Volumes", "VolumeId"),
    "describe_network_interfaces": ("NetworkInterfaces", "NetworkInterfaceId"),
    "describe_key_pairs": ("KeyPairs", "KeyPairId"),
    "describe_addresses": ("Addresses", "AllocationId"),
    "describe_launch_templates": ("LaunchTemplates", "LaunchTemplateId"),
}


def client(endpoint, region):
    config = Config(retries={"total_max_attempts": 6, "mode": "standard"})
    return SESSION.client("ec2", region_name=region, endpoint_url=endpoint, config=config, **KEYS)


def tags(found):
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags") or found.get("TagSet") or []}


def instances(ec2):
    pages = ec2.get_paginator("describe_instances").paginate()
    return [it for page in pages for r in page["Reservations"] for it in r["Instances"]]


def alive(ec2):
    seen = {}
    for operation, (result, key) in KINDS.items():
        calls = ec2.get_paginator(operation).paginate() if ec2.can_paginate(operation) else [getattr(ec2, operation)()]
        seen[result] = {it[key]: tags(it) for page in calls for it in page[result]}
    live = [it for it in instances(ec2) if it["State"]["Name"] != "terminated"]
    seen["Instances"] = {it["InstanceId"]: tags(it) for it in live}
    requests = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    open_ones = [it for it in requests if it["State"] in ("open", "active", "disabled")]
    seen["SpotRequests"] = {it["SpotInstanceRequestId"]: tags(it) for it in open_ones}
    return seen


def up(ec2):
    return {it["InstanceId"]: tags(it) for it in instances(ec2) if it["State"]["Name"] in ("pending", "running")}


def launched(ec2):
    ours = [it for it in instances(ec2) if tags(it).get("DeploymentId") == "spot-test"]
    return [it["InstanceId"] for it in ours if tags(it).get("ManagedBy") == "spot-tui"]


def answer(request):
    endpoint = request["endpoint"]
    clients = {region: client(endpoint, region) for region in request["regions"]}
    def terminate(ec2):
        ec2.terminate_instances(InstanceIds=request["ids"])
        ec2.get_waiter("instance_terminated").wait(InstanceIds=request["ids"], WaiterConfig={"Delay": 1})

    def allocate(ec2):
        born = [{"ResourceType": "elastic-ip", "Tags": request["tags"]}]
        return ec2.allocate_address(Domain="vpc", TagSpecifications=born)["AllocationId"]

    def tag(ec2):
        ec2.create_tags(Resources=request["ids"], Tags=request["tags"])

    def told(ec2):
        pages = ec2.get_paginator("describe_tags").paginate(Filters=[dict(Name="resource-id", Values=request["ids"])])
        return {it["Key"]: it["Value"] for page in pages for it in page["Tags"]}

    def drop_templates(ec2):
        for template in request["ids"]:
            ec2.delete_launch_template(LaunchTemplateId=template)

    acts = dict(
        alive=alive,
        up=up,
        launched=launched,
        settle=foreign.settle_all,
        terminate=terminate,
        allocate=allocate,
        tag=tag,
        told=told,
        drop_templates=drop_templates,
    )
    act = acts[request["do"]]
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(clients, pool.map(act, clients.values())))


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
