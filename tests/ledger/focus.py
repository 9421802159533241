"""Reads a data set of FOCUS with Python's own reader of CSV, and says what is wrong with it.

    focus.py FILE

What is looked at is from the specification's pages on each column (focus.finops.org, 1.2): which may
not be null, which words they may have, and that a charge lies in its billing period.
"""

import csv
import datetime
import json
import sys
from decimal import Decimal

# What is kept may be in no zone.
NULL = {"AvailabilityZone", "BillingAccountName", "ChargeClass", "InvoiceId"}
WORDS = {
    "ChargeCategory": {"Usage"},
    "ChargeFrequency": {"Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic"},
    "ServiceCategory": {"Compute", "Storage", "Networking"},
    "BillingCurrency": {"USD"},
}
COSTS = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"]


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def wrong(number, row):
    if None in row or None in row.values():
        yield f"{number}: not as many values as columns"
        return
    yield from (f"{number}: {key} is empty" for key in row if key not in NULL and not row[key])
    yield from (f"{number}: {key} is {row[key]}" for key, words in WORDS.items() if row[key] not in words)
    yield from (f"{number}: {key} is negative" for key in COSTS if Decimal(row[key]) < 0)
    begin, end = moment(row["ChargePeriodStart"]), moment(row["ChargePeriodEnd"])
    first, last = moment(row["BillingPeriodStart"]), moment(row["BillingPeriodEnd"])
    if not (first <= begin < end <= last and first.day == last.day == 1):
        yield f"{number}: {begin} to {end} is not in {first} to {last}"
    listed = Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"])
    if abs(listed - Decimal(row["ListCost"])) > Decimal("0.00001"):
        yield f"{number}: ListCost is {row['ListCost']}, not {listed}"
    if not isinstance(json.loads(row["Tags"]), dict):
        yield f"{number}: Tags is no object"


def main():
    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    complaints = [said for number, row in enumerate(rows) for said in wrong(number, row)]
    total = sum(Decimal(row["BilledCost"]) for row in rows)
    print(json.dumps({"rows": len(rows), "total": f"{total:.2f}", "complaints": complaints[:9]}))


main()
