"""What a month costs: a second opinion, from its file alone and AWS's rules of billing.

    month.py SCENARIO

Of spot, each hour of a run is paid for at the price that held when it began, by the second; nothing
where AWS takes the machine back within the first hour of the run. An address is paid for while the
machine runs, one that is kept and a volume for as long as the machine is there; a month has 30 days.
A snapshot is paid for from its making to its end, here at its full size. A surplus credit is a minute of a vCPU; those that are owed are charged for when a run ends, and count as
if they were when the month is over.
"""

import collections
import datetime
import json
import sys
from decimal import Decimal

import yaml

HOUR = 3600
CREDIT = Decimal("0.05") / 60


def read(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.BaseLoader)


def spot(story, instance, moment):
    pool = (instance["zone"], instance["machine_type"])
    held = [
        (int(it["from_s"]), Decimal(it["usd"]))
        for it in story["prices"]
        if (it["zone"], it["machine_type"]) == pool and int(it["from_s"]) <= moment
    ]
    return max(held)[1]


def runs(instance, end):
    """From when to when it ran."""
    begin = int(instance["launch_s"])
    for stop in instance.get("stops", []):
        yield begin, int(stop[0])
        if len(stop) == 1:
            return
        begin = int(stop[1])
    yield begin, end


def pieces(story, instance, end):
    """Each hour of each thing: its name, when it begins and ends, its rate."""
    is_reclaimed = instance.get("end") in ("notice", "reclaimed")
    on_demand = Decimal(story["on_demand"][instance["machine_type"]])
    every = list(runs(instance, end))
    for begin, until in every:
        is_free = is_reclaimed and until == end and until - begin < HOUR
        for hour in range(begin, until, HOUR):
            if is_free:
                rate = Decimal(0)
            elif instance.get("lifecycle") == "on-demand":
                rate = on_demand
            else:
                rate = spot(story, instance, hour)
            yield "compute", hour, min(hour + HOUR, until), rate
        if not instance.get("keeps_address"):
            yield "address", begin, until, Decimal(story["list_prices"]["ipv4_usd"])
    if instance.get("keeps_address"):
        yield "address", int(instance["launch_s"]), end, Decimal(story["list_prices"]["ipv4_usd"])
    gib = Decimal(instance["storage_gb"])
    rate = Decimal(story["list_prices"]["gp3_usd"]) * gib / (30 * 24)
    yield "storage", int(instance["launch_s"]), end, rate


def surplus(instance, end):
    """What surplus credits cost, and when they are charged for."""
    told = instance.get("surplus", {})
    for moment, credits in told.get("charged", []):
        yield int(moment), Decimal(credits) * CREDIT
    owed = [(int(moment), Decimal(credits)) for moment, credits in told.get("owed", [])]
    for _, over in runs(instance, end):
        before = [it for it in owed if it[0] <= over]
        if before:
            yield over, max(before)[1] * CREDIT


def day_of(began, second):
    return str((began + datetime.timedelta(seconds=second)).date())


def by_day(began, begin, until):
    """The days of a stretch, and how many seconds of it lie in each."""
    while begin < until:
        moment = began + datetime.timedelta(seconds=begin)
        midnight = datetime.datetime.combine(
            moment.date() + datetime.timedelta(days=1), datetime.time(), datetime.timezone.utc
        )
        end = min(until, begin + int((midnight - moment).total_seconds()))
        yield str(moment.date()), end - begin
        begin = end


def main():
    story = read(sys.argv[1])
    over = int(story["days"]) * 86400
    began = datetime.datetime.fromisoformat(story["began"].replace("Z", "+00:00"))
    days, things, each = (collections.defaultdict(Decimal) for _ in range(3))
    seconds, free, saved = 0, 0, Decimal(0)
    for instance in story["instances"]:
        end = int(instance.get("end_s", over))
        on_demand = Decimal(story["on_demand"][instance["machine_type"]])
        for thing, begin, until, rate in pieces(story, instance, end):
            for day, lasts in by_day(began, begin, until):
                days[day] += rate * lasts / HOUR
            cost = rate * (until - begin) / HOUR
            things[thing] += cost
            each[instance["id"]] += cost
            if thing == "compute":
                seconds += until - begin
                free += (until - begin) if rate == 0 else 0
                saved += on_demand * (until - begin) / HOUR - cost
        for moment, cost in surplus(instance, end):
            days[day_of(began, moment)] += cost
            things["surplus credits"] += cost
            each[instance["id"]] += cost
    for snapshot in story.get("snapshots", []):
        begin, end = int(snapshot["since_s"]), int(snapshot.get("until_s", over))
        rate = Decimal(story["list_prices"]["snapshot_usd"]) * int(snapshot["gib"]) / (30 * 24)
        for day, lasts in by_day(began, begin, end):
            days[day] += rate * lasts / HOUR
        things["snapshots"] += rate * (end - begin) / HOUR
        each[snapshot["machine"]] += rate * (end - begin) / HOUR
    print(
        json.dumps(
            {
                "total": f"{sum(days.values()):.2f}",
                "days": {day: f"{usd:.3f}" for day, usd in sorted(days.items())},
                "things": {thing: f"{usd:.3f}" for thing, usd in sorted(things.items())},
                "each": {name: f"{usd:.3f}" for name, usd in sorted(each.items())},
                "hours": f"{seconds / HOUR:.2f}",
                "free_hours": f"{free / HOUR:.2f}",
                "saved": f"{saved:.2f}",
                "interruptions": sum(
                    it.get("end") in ("notice", "reclaimed") for it in story["instances"]
                ),
            }
        )
    )


main()
