"""What a scenario costs: a second opinion, from its file alone and AWS's rules of billing.

    bill.py SCENARIO SECONDS

A spot instance pays, in each hour of its own, the price that held when that hour began, by the
second; nothing for compute when EC2 takes it back within its first hour. An address is paid for
while it runs, a volume as long as the instance is there; a month has 30 days.
"""

import json
import sys
from decimal import Decimal

import yaml

NOTICE = 120
HOUR = 3600


def read(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.BaseLoader)


def instances(story):
    """Zone, type, storage and end of each, in the order of their launch."""
    fleet = []
    for group in story["running"]:
        for _ in range(int(group.get("count", 1))):
            fleet.append([group["zone"], group["machine_type"], int(group["storage_gb"]), None])
    left = iter(fleet)
    for interruption in sorted(story["interruptions"], key=lambda it: int(it["at_s"])):
        for _ in range(int(interruption.get("count", 1))):
            next(left)[3] = int(interruption["at_s"]) + NOTICE
    return fleet


def price(story, zone, kind, moment):
    held = [
        (int(it["from_s"]), Decimal(it["usd"]))
        for it in story["prices"]
        if (it["zone"], it["machine_type"]) == (zone, kind) and int(it["from_s"]) <= moment
    ]
    return max(held)[1]


def cost(story, instance, until):
    zone, kind, storage, end = instance
    lasts = min(end or until, until)
    compute = Decimal(0)
    if not (end and end <= until and lasts < HOUR):
        for begin in range(0, lasts, HOUR):
            seconds = min(HOUR, lasts - begin)
            compute += price(story, zone, kind, begin) * seconds / HOUR
    address = Decimal(story["list_prices"]["ipv4_usd"]) * lasts / HOUR
    volume = Decimal(story["list_prices"]["gp3_usd"]) * storage * lasts / (30 * 24 * HOUR)
    return compute + address + volume


def main():
    story, until = read(sys.argv[1]), int(sys.argv[2])
    costs = [cost(story, instance, until) for instance in instances(story)]
    print(json.dumps({"total": f"{sum(costs):.2f}", "each": sorted(f"{it:.2f}" for it in costs)}))


main()
