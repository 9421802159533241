"""Takes an EC2 endpoint on a journey, by boto3 or by the AWS CLI, and tells what it was answered.

usage: journey.py boto3|cli|record ENDPOINT

Prints one JSON object: for each step, the shape of the answer (each path in it with its type) or
the error's code and HTTP status. What is compared between endpoints are these; ids, times and
prices differ by nature. The CLI tells no status: it says 4xx and 5xx in one exit code.
With `record`, boto3 travels, and what is printed are the bodies of its requests, a line each.
"""

import contextlib
import datetime
import gc
import io
import json
import os
import re
import sys
import tempfile
import time

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

PATIENCE = 30
SERVICES = ("ec2", "sts", "ssm")
REGION = "us-west-2"
CANONICAL = "099720109477"
NOBLE = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
PARAMETER = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4f me"
UNREADABLE = "no answer that can be read"


class Refused(Exception):
    def __init__(self, code, status=None):
        super().__init__(code)
        self.code, self.status = code, status


class Boto3:
    """boto3, without retries: an error is an answer here."""

    def __init__(self, endpoint):
        session = boto3.Session("key", "secret", region_name=REGION)
        config = Config(retries={"total_max_attempts": 1})
        self.clients = {
            service: session.client(service, endpoint_url=endpoint, config=config)
            for service in SERVICES
        }

    def listen(self, ear):
        for client in self.clients.values():
            client.meta.events.register("before-send", lambda request, **_: ear(request.body))

    def call(self, service, operation, parameters):
        try:
            answer = getattr(self.clients[service], xform_name(operation))(**parameters)
        except ClientError as error:
            answer = error.response
            raise Refused(answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
        except ResponseParserError:
            raise Refused(UNREADABLE)
        answer.pop("ResponseMetadata")
        return answer


class Cli:
    """The `aws` command. Each call is a process of its own, forked from one in which a first call
    has loaded everything: that costs a second."""

    def __init__(self, endpoint):
        from awscli.clidriver import create_clidriver

        self.endpoint, self.driver = endpoint, create_clidriver()
        with contextlib.redirect_stdout(io.StringIO()):
            self.driver.main(["--endpoint-url", endpoint, "ec2", "describe-regions"])
        gc.freeze()

    def call(self, service, operation, parameters):
        command = ["--endpoint-url", self.endpoint, "--no-paginate", "--output", "json"]
        command += [service, xform_name(operation, "-")]
        command += ["--cli-input-json", json.dumps(parameters)]
        status, out, err = self.run(command)
        refused = re.search(r"An error occurred \(([^)]*)\)", err)
        if refused and status:
            raise Refused(refused[1])
        if "Unable to parse response" in err:
            raise Refused(UNREADABLE)
        if status:
            raise RuntimeError(f"{command}: {status}: {err}")
        return json.loads(out or "{}")

    def run(self, command):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                status = self.driver.main(command)
                sys.stdout.flush()
                os._exit(status)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            told = [(stream.seek(0), stream.read().decode())[1] for stream in (out, err)]
        return status, *told


def shape(value, path=""):
    """Each path in an answer, with its type; `[]` is any item of a list."""
    if isinstance(value, dict):
        found = {}
        for key, inside in value.items():
            found.update(shape(inside, f"{path}.{key}" if path else key))
        return found
    if isinstance(value, list):
        found = {path: "list"}
        for item in value:
            found.update(shape(item, f"{path}[]"))
        return found
    # The CLI writes times as text.
    is_text = isinstance(value, (str, datetime.datetime))
    return {path: "str" if is_text else type(value).__name__}


def patiently(driver, *call):
    """Calls again where it was too often."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return driver.call(*call)
        except Refused as refused:
            if refused.code != "RequestLimitExceeded" or time.monotonic() > deadline:
                raise


class Journey:
    """Calls that are told under a name, by the driver that is tried; and others, by boto3."""

    def __init__(self, driver, endpoint):
        self.driver, self.guide, self.told = driver, Boto3(endpoint), {}

    def quietly(self, operation, **parameters):
        return patiently(self.guide, "ec2", operation, parameters)

    def go(self, step, operation, service="ec2", **parameters):
        assert step not in self.told, step
        try:
            answer = patiently(self.driver, service, operation, parameters)
        except Refused as refused:
            self.told[step] = {"code": refused.code, "status": refused.status}
            return None
        self.told[step] = {"shape": shape(answer)}
        return answer

    def until(self, what, is_so):
        """Waits for what takes its time. What is not told of yet is no failure."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(Refused):
                if is_so():
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(what)

    def until_all(self, ids, state):
        def is_so():
            found = self.quietly("DescribeInstances", InstanceIds=ids)["Reservations"]
            states = [it["State"]["Name"] for made in found for it in made["Instances"]]
            return states == [state] * len(ids)

        self.until(f"{ids} are {state}", is_so)


def filters(**named):
    return [{"Name": name.replace("_", "-"), "Values": values} for name, values in named.items()]


def tagged(*kinds):
    tags = [{"Key": "owner", "Value": "journey"}, {"Key": "Name", "Value": "a <&> b"}]
    return [{"ResourceType": kind, "Tags": tags} for kind in kinds]


OURS = [{"Name": "tag:owner", "Values": ["journey"]}]


def offers(to):
    to.go("who", "GetCallerIdentity", service="sts")
    to.go("parameter", "GetParameter", service="ssm", Name=PARAMETER)
    to.go("parameter unknown", "GetParameter", service="ssm", Name="/aws/service/canonical/none")
    to.go("regions", "DescribeRegions")
    to.go("regions all", "DescribeRegions", AllRegions=True)
    to.go("zones", "DescribeAvailabilityZones")
    to.go("types", "DescribeInstanceTypes", InstanceTypes=["t3.medium", "t4g.small"])
    to.go("types unknown", "DescribeInstanceTypes", InstanceTypes=["t9.huge"])
    named = filters(instance_type=["t3.medium"])
    to.go("offerings", "DescribeInstanceTypeOfferings", LocationType="availability-zone", Filters=named)
    images = to.go("images", "DescribeImages", Owners=[CANONICAL], Filters=filters(name=[NOBLE]))
    to.go("image unknown", "DescribeImages", ImageIds=["ami-0123456789abcdef0"])
    to.go("image malformed", "DescribeImages", ImageIds=["x"])
    return max(images["Images"], key=lambda image: image["CreationDate"])["ImageId"]


def prices(to):
    asked = {"InstanceTypes": ["t3.medium"], "ProductDescriptions": ["Linux/UNIX"]}
    to.go("prices", "DescribeSpotPriceHistory", **asked)
    first = to.go("prices page", "DescribeSpotPriceHistory", MaxResults=5)
    token = (first or {}).get("NextToken")
    if token:
        to.go("prices next page", "DescribeSpotPriceHistory", MaxResults=5, NextToken=token)


class Network:
    """A VPC with a way out, as spot-tui builds one."""

    def __init__(self, to):
        self.to = to
        made = to.go("vpc create", "CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))
        self.vpc = made["Vpc"]["VpcId"]
        to.until("the VPC", lambda: to.quietly("DescribeVpcs", VpcIds=[self.vpc]))
        to.go("vpc modify", "ModifyVpcAttribute", VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        to.go("vpc attribute", "DescribeVpcAttribute", VpcId=self.vpc, Attribute="enableDnsHostnames")
        made = to.go("gateway create", "CreateInternetGateway", TagSpecifications=tagged("internet-gateway"))
        self.gateway = made["InternetGateway"]["InternetGatewayId"]
        to.go("gateway attach", "AttachInternetGateway", InternetGatewayId=self.gateway, VpcId=self.vpc)
        made = to.go(
            "subnet create", "CreateSubnet", VpcId=self.vpc, CidrBlock="10.0.0.0/20",
            AvailabilityZone=f"{REGION}a", TagSpecifications=tagged("subnet"),
        )
        self.subnet = made["Subnet"]["SubnetId"]
        to.go("subnet modify", "ModifySubnetAttribute", SubnetId=self.subnet, MapPublicIpOnLaunch={"Value": True})
        made = to.go("table create", "CreateRouteTable", VpcId=self.vpc, TagSpecifications=tagged("route-table"))
        self.table = made["RouteTable"]["RouteTableId"]
        self.way_out = {"RouteTableId": self.table, "DestinationCidrBlock": "0.0.0.0/0"}
        to.go("route create", "CreateRoute", GatewayId=self.gateway, **self.way_out)
        made = to.go("table associate", "AssociateRouteTable", RouteTableId=self.table, SubnetId=self.subnet)
        self.association = made["AssociationId"]
        self.firewall()
        made = to.go(
            "key import", "ImportKeyPair", KeyName="journey", PublicKeyMaterial=PUBLIC_KEY,
            TagSpecifications=tagged("key-pair"),
        )
        self.key = made["KeyPairId"]

    def firewall(self):
        made = self.to.go(
            "group create", "CreateSecurityGroup", VpcId=self.vpc, GroupName="journey",
            Description="of a test", TagSpecifications=tagged("security-group"),
        )
        self.group = made["GroupId"]
        self.rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
        self.rule["IpRanges"] = [{"CidrIp": "203.0.113.7/32", "Description": "me"}]
        asked = {"GroupId": self.group, "IpPermissions": [self.rule]}
        self.to.go("group authorize", "AuthorizeSecurityGroupIngress", **asked)
        self.to.go("group authorize again", "AuthorizeSecurityGroupIngress", **asked)
        out = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        asked = {"GroupId": self.group, "IpPermissions": [out]}
        self.to.go("group authorize out", "AuthorizeSecurityGroupEgress", **asked)

    def look(self):
        """Each kind, by the tags that it was born with."""
        to = self.to
        to.until("the group", lambda: to.quietly("DescribeSecurityGroups", GroupIds=[self.group]))
        for step, operation in [
            ("vpcs", "DescribeVpcs"),
            ("gateways", "DescribeInternetGateways"),
            ("subnets", "DescribeSubnets"),
            ("tables", "DescribeRouteTables"),
            ("groups", "DescribeSecurityGroups"),
            ("keys", "DescribeKeyPairs"),
        ]:
            to.go(step, operation, Filters=OURS)
        to.go("addresses", "DescribeAddresses")

    def clash(self):
        """What cannot be built."""
        to = self.to
        to.go("vpc too large", "CreateVpc", CidrBlock="10.0.0.0/8")
        to.go("vpc malformed", "CreateVpc", CidrBlock="ten")
        to.go("vpc dry run", "CreateVpc", CidrBlock="10.1.0.0/16", DryRun=True)
        to.go("subnet conflict", "CreateSubnet", VpcId=self.vpc, CidrBlock="10.0.0.0/24")
        to.go("subnet outside", "CreateSubnet", VpcId=self.vpc, CidrBlock="10.9.0.0/24")
        to.go("subnet nowhere", "CreateSubnet", VpcId="vpc-0123456789abcdef0", CidrBlock="10.0.0.0/24")
        to.go("gateway attached", "AttachInternetGateway", InternetGatewayId=self.gateway, VpcId=self.vpc)
        to.go("gateway delete attached", "DeleteInternetGateway", InternetGatewayId=self.gateway)
        to.go("group duplicate", "CreateSecurityGroup", VpcId=self.vpc, GroupName="journey", Description="x")
        to.go("group revoke unknown", "RevokeSecurityGroupIngress", GroupId=self.group, IpPermissions=[{**self.rule, "ToPort": 23}])
        to.go("key duplicate", "ImportKeyPair", KeyName="journey", PublicKeyMaterial=PUBLIC_KEY)
        to.go("key malformed", "ImportKeyPair", KeyName="other", PublicKeyMaterial="rubbish")
        to.go("vpc delete in use", "DeleteVpc", VpcId=self.vpc)
        to.go("table delete in use", "DeleteRouteTable", RouteTableId=self.table)

    def tear_down(self):
        to = self.to
        to.go("group revoke", "RevokeSecurityGroupIngress", GroupId=self.group, IpPermissions=[self.rule])
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        to.go("group revoke out", "RevokeSecurityGroupEgress", GroupId=self.group, IpPermissions=everything)
        to.go("group delete", "DeleteSecurityGroup", GroupId=self.group)
        to.go("table disassociate", "DisassociateRouteTable", AssociationId=self.association)
        to.go("subnet delete", "DeleteSubnet", SubnetId=self.subnet)
        to.go("table delete", "DeleteRouteTable", RouteTableId=self.table)
        to.go("gateway detach", "DetachInternetGateway", InternetGatewayId=self.gateway, VpcId=self.vpc)
        to.go("gateway delete", "DeleteInternetGateway", InternetGatewayId=self.gateway)
        to.go("vpc delete", "DeleteVpc", VpcId=self.vpc)
        to.go("key delete", "DeleteKeyPair", KeyName="journey")
        for step, operation, what, kept in [
            ("vpc", "DescribeVpcs", "VpcIds", self.vpc),
            ("gateway", "DescribeInternetGateways", "InternetGatewayIds", self.gateway),
            ("subnet", "DescribeSubnets", "SubnetIds", self.subnet),
            ("table", "DescribeRouteTables", "RouteTableIds", self.table),
            ("group", "DescribeSecurityGroups", "GroupIds", self.group),
            ("key", "DescribeKeyPairs", "KeyNames", "journey"),
        ]:
            to.go(f"{step} gone", operation, **{what: [kept]})
        for step, operation, what, gone in [
            ("vpc", "DeleteVpc", "VpcId", self.vpc),
            ("gateway", "DeleteInternetGateway", "InternetGatewayId", self.gateway),
            ("subnet", "DeleteSubnet", "SubnetId", self.subnet),
            ("table", "DeleteRouteTable", "RouteTableId", self.table),
            ("group", "DeleteSecurityGroup", "GroupId", self.group),
            ("key", "DeleteKeyPair", "KeyName", "journey"),
            ("table association", "DisassociateRouteTable", "AssociationId", self.association),
        ]:
            to.go(f"{step} delete again", operation, **{what: gone})


class Machines:
    """On-demand machines, which may be stopped, and spot ones."""

    def __init__(self, to, network, image):
        self.to, self.network = to, network
        self.order = {
            "ImageId": image,
            "InstanceType": "t3.medium",
            "MinCount": 1,
            "MaxCount": 1,
            "KeyName": "journey",
            "UserData": "#cloud-config\n",
            "BlockDeviceMappings": [{
                "DeviceName": "/dev/sda1",
                "Ebs": {"VolumeSize": 30, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True},
            }],
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            "NetworkInterfaces": [{
                "DeviceIndex": 0, "SubnetId": network.subnet, "Groups": [network.group],
                "AssociatePublicIpAddress": True, "DeleteOnTermination": True,
            }],
            "TagSpecifications": tagged("instance", "volume"),
        }

    def launch(self):
        to = self.to
        made = to.go("run", "RunInstances", **self.order)["Instances"]
        for _ in range(5):
            made += to.quietly("RunInstances", **self.order)["Instances"]
        self.all = [it["InstanceId"] for it in made]
        self.one = self.all[0]
        spot = {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time"}}
        both = {**self.order, "InstanceType": "t3.small", "TagSpecifications": tagged("instance", "volume", "spot-instances-request")}
        made = to.go("run spot", "RunInstances", InstanceMarketOptions=spot, ClientToken="spot-1", **both)
        self.spot = made["Instances"][0]["InstanceId"]
        to.until_all([*self.all, self.spot], "running")
        again = to.go("run spot again", "RunInstances", InstanceMarketOptions=spot, ClientToken="spot-1", **both)
        self.extra = [it["InstanceId"] for it in again["Instances"] if it["InstanceId"] != self.spot]
        other = {**both, "InstanceType": "t3.large"}
        other = to.go("run spot mismatch", "RunInstances", InstanceMarketOptions=spot, ClientToken="spot-1", **other)
        self.extra += [it["InstanceId"] for it in (other or {}).get("Instances", [])]

    def refuse(self):
        """What cannot be launched."""
        order, to = self.order, self.to
        to.go("run dry", "RunInstances", DryRun=True, **order)
        to.go("run unknown image", "RunInstances", **{**order, "ImageId": "ami-0123456789abcdef0"})
        to.go("run unknown type", "RunInstances", **{**order, "InstanceType": "t9.huge"})
        to.go("run unknown key", "RunInstances", **{**order, "KeyName": "nobody"})
        nowhere = [{**order["NetworkInterfaces"][0], "SubnetId": "subnet-0123456789abcdef0"}]
        to.go("run unknown subnet", "RunInstances", **{**order, "NetworkInterfaces": nowhere})
        to.go("run none", "RunInstances", **{**order, "MinCount": 2, "MaxCount": 1})

    def look(self):
        to, one = self.to, self.one
        to.go("instances", "DescribeInstances", Filters=[*OURS, *filters(instance_state_name=["running"])])
        to.go("instance", "DescribeInstances", InstanceIds=[one])
        to.go("instance spot", "DescribeInstances", InstanceIds=[self.spot])
        to.go("instance unknown", "DescribeInstances", InstanceIds=["i-0123456789abcdef0"])
        to.go("instance malformed", "DescribeInstances", InstanceIds=["x"])
        to.go("instances by colour", "DescribeInstances", Filters=filters(colour=["red"]))
        to.go("instance status", "DescribeInstanceStatus", InstanceIds=[one])
        to.go("console", "GetConsoleOutput", InstanceId=one)
        volumes = to.go("volumes", "DescribeVolumes", Filters=OURS)["Volumes"]
        to.go("volume delete in use", "DeleteVolume", VolumeId=volumes[0]["VolumeId"])
        to.go("volume unknown", "DescribeVolumes", VolumeIds=["vol-0123456789abcdef0"])
        to.go("interfaces", "DescribeNetworkInterfaces", Filters=filters(vpc_id=[self.network.vpc]))
        to.go("interface delete unknown", "DeleteNetworkInterface", NetworkInterfaceId="eni-0123456789abcdef0")
        to.go("interface detach unknown", "DetachNetworkInterface", AttachmentId="eni-attach-01234567")
        to.go("address release unknown", "ReleaseAddress", AllocationId="eipalloc-01234567")
        to.go("interface unknown", "DescribeNetworkInterfaces", NetworkInterfaceIds=["eni-0123456789abcdef0"])

    def pages(self):
        to = self.to
        asked = {"Filters": [*OURS, *filters(instance_type=["t3.medium"])], "MaxResults": 5}
        first = to.go("instances page", "DescribeInstances", **asked)
        to.go("instances next page", "DescribeInstances", NextToken=first["NextToken"], **asked)
        to.go("instances wrong page", "DescribeInstances", NextToken="%%", **asked)
        to.go("instances ids in pages", "DescribeInstances", InstanceIds=[self.one], MaxResults=5)
        to.go("instances small pages", "DescribeInstances", MaxResults=2)

    def tag(self):
        to, two = self.to, self.all[:2]
        tags = [{"Key": "team", "Value": "blue"}]
        to.go("tag", "CreateTags", Resources=[*two, self.network.vpc], Tags=tags)
        to.go("tags", "DescribeTags", Filters=filters(resource_id=two))
        to.go("tags by key", "DescribeTags", Filters=filters(key=["team"]))
        team = [{"Name": "tag:team", "Values": ["bl*"]}]
        to.go("instances by tag", "DescribeInstances", Filters=team)
        to.go("untag", "DeleteTags", Resources=two, Tags=tags)
        to.go("instances by no tag", "DescribeInstances", Filters=team)
        to.go("tag unknown", "CreateTags", Resources=["i-0123456789abcdef0"], Tags=tags)
        reserved = [{"Key": "aws:team", "Value": "blue"}]
        to.go("tag reserved", "CreateTags", Resources=two, Tags=reserved)

    def requests(self):
        to = self.to
        found = to.go("requests", "DescribeSpotInstanceRequests", Filters=OURS)["SpotInstanceRequests"]
        ids = [request["SpotInstanceRequestId"] for request in found]
        to.go("request unknown", "DescribeSpotInstanceRequests", SpotInstanceRequestIds=["sir-01234567"])
        to.go("request cancel unknown", "CancelSpotInstanceRequests", SpotInstanceRequestIds=["sir-01234567"])
        if ids:
            to.go("request cancel", "CancelSpotInstanceRequests", SpotInstanceRequestIds=ids)

    def stop_and_start(self):
        to, one = self.to, self.one
        to.go("stop spot", "StopInstances", InstanceIds=[self.spot])
        to.go("stop dry", "StopInstances", InstanceIds=[one], DryRun=True)
        to.go("stop", "StopInstances", InstanceIds=[one])
        to.until_all([one], "stopped")
        to.go("instance stopped", "DescribeInstances", InstanceIds=[one])
        to.go("instance status stopped", "DescribeInstanceStatus", InstanceIds=[one])
        to.go("instance status of all", "DescribeInstanceStatus", InstanceIds=[one], IncludeAllInstances=True)
        to.go("stop again", "StopInstances", InstanceIds=[one])
        to.go("start", "StartInstances", InstanceIds=[one])
        to.until_all([one], "running")
        to.go("start again", "StartInstances", InstanceIds=[one])
        to.go("stop unknown", "StopInstances", InstanceIds=["i-0123456789abcdef0"])
        to.go("start unknown", "StartInstances", InstanceIds=["i-0123456789abcdef0"])

    def end(self):
        to = self.to
        to.go("terminate unknown", "TerminateInstances", InstanceIds=[self.one, "i-0123456789abcdef0"])
        to.go("terminate malformed", "TerminateInstances", InstanceIds=["x"])
        to.go("terminate dry", "TerminateInstances", InstanceIds=[self.one], DryRun=True)
        to.go("terminate", "TerminateInstances", InstanceIds=[self.one])
        others = [*self.all[1:], self.spot, *self.extra]
        to.quietly("TerminateInstances", InstanceIds=others)
        to.until_all([self.one, *others], "terminated")
        to.go("instance terminated", "DescribeInstances", InstanceIds=[self.one])
        to.go("terminate again", "TerminateInstances", InstanceIds=[self.one])
        to.go("start terminated", "StartInstances", InstanceIds=[self.one])


def hold(to, network, machines):
    """What cannot go while a machine is in it. A peer that lets it go has nothing to put back."""
    subnet = to.quietly("CreateSubnet", VpcId=network.vpc, CidrBlock="10.0.16.0/20")["Subnet"]["SubnetId"]
    group = to.quietly("CreateSecurityGroup", VpcId=network.vpc, GroupName="held", Description="x")["GroupId"]
    place = [{**machines.order["NetworkInterfaces"][0], "SubnetId": subnet, "Groups": [group]}]
    order = {**machines.order, "NetworkInterfaces": place}
    held = to.quietly("RunInstances", **order)["Instances"][0]["InstanceId"]
    to.go("group delete in use", "DeleteSecurityGroup", GroupId=group)
    to.go("subnet delete in use", "DeleteSubnet", SubnetId=subnet)
    gateway = {"InternetGatewayId": network.gateway, "VpcId": network.vpc}
    if to.go("gateway detach in use", "DetachInternetGateway", **gateway) is not None:
        to.quietly("AttachInternetGateway", **gateway)
    to.quietly("TerminateInstances", InstanceIds=[held])
    to.until_all([held], "terminated")
    with contextlib.suppress(Refused):
        to.quietly("DeleteSecurityGroup", GroupId=group)
        to.quietly("DeleteSubnet", SubnetId=subnet)


def travel(to):
    image = offers(to)
    prices(to)
    network = Network(to)
    network.look()
    network.clash()
    machines = Machines(to, network, image)
    machines.refuse()
    machines.launch()
    machines.look()
    machines.pages()
    machines.tag()
    machines.requests()
    hold(to, network, machines)
    machines.stop_and_start()
    machines.end()
    network.tear_down()


def record(endpoint):
    """Prints each request once, however often it was sent."""
    sent, driver = {}, Boto3(endpoint)

    def hear(body):
        sent[body if isinstance(body, str) else body.decode()] = True

    driver.listen(hear)
    journey = Journey(driver, endpoint)
    journey.guide = driver
    travel(journey)
    print("\n".join(sent))


def tell(driver, endpoint):
    journey = Journey(driver, endpoint)
    travel(journey)
    json.dump(journey.told, sys.stdout, indent=1)


kind, endpoint = sys.argv[1:]
if kind == "record":
    record(endpoint)
else:
    tell({"boto3": Boto3, "cli": Cli}[kind](endpoint), endpoint)
