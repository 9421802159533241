"""Holds JSON documents to a JSON Schema.

usage: check_schema.py SCHEMA < DOCUMENTS

DOCUMENTS is one document a line. Prints one line for each complaint: the document's number,
from 0 on, a colon, and what is wrong with it. The schema itself is checked first.
"""

import json
import sys

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for number, line in enumerate(sys.stdin):
    try:
        document = json.loads(line)
    except ValueError as error:
        print(f"{number}: not JSON: {error}")
        continue
    error = best_match(validator.iter_errors(document))
    if error is not None:
        print(f"{number}: {error.json_path}: {error.message}".replace("\n", " "))
