"""Holds JSON documents to a JSON Schema.

usage: check_schema.py SCHEMA [--compiled] < DOCUMENTS

DOCUMENTS is one document a line. Prints one line for each complaint: the document's number,
from 0 on, a colon, and what is wrong with it. The schema itself is checked first. With --compiled
it is compiled to Python; what is newer than draft 7 is not understood then.
"""

import json
import sys

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)


def complaint(document):
    """What is wrong with a document, if anything."""
    error = best_match(validator.iter_errors(document))
    return error and f"{error.json_path}: {error.message}"


if "--compiled" in sys.argv[2:]:
    import fastjsonschema

    is_valid = fastjsonschema.compile(schema)

    def complaint(document):
        """The same, twenty times as fast."""
        try:
            is_valid(document)
        except fastjsonschema.JsonSchemaValueException as wrong:
            return wrong.message


for number, line in enumerate(sys.stdin):
    try:
        said = complaint(json.loads(line))
    except ValueError as error:
        said = f"not JSON: {error}"
    if said is not None:
        print(f"{number}: {said}".replace("\n", " "))
