"""Asks STS, by the AWS CLI's own code, as whom each of these profiles signs.

Lines on standard input: {"home": .., "profile": .., "endpoint": .., "environment": {..}}. After each one
a line is written: whether the CLI ended well, and what it said."""

import contextlib
import io
import json
import os

import awscli.clidriver
import awscli.customizations.assumerole as roles

BEFORE = dict(os.environ)

# The CLI has neither the cases to read nor a terminal to ask on.
CASES = os.fdopen(os.dup(0))
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.setsid()

for line in CASES:
    case = json.loads(line)
    os.environ.clear()
    os.environ.update(BEFORE, HOME=case["home"], AWS_ENDPOINT_URL=case["endpoint"],
                      AWS_EC2_METADATA_DISABLED="true", AWS_MAX_ATTEMPTS="1", **case["environment"])
    # It is reckoned once, from the home that there is when the module is read.
    roles.CACHE_DIR = os.path.join(case["home"], ".aws", "cli", "cache")
    arguments = ["sts", "get-caller-identity", "--region", "us-west-2"]
    if case["profile"] is not None:
        arguments += ["--profile", case["profile"]]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = awscli.clidriver.create_clidriver().main(arguments)
        except (Exception, SystemExit) as error:
            code, _ = 1, said.write(repr(error))
    print(json.dumps({"ok": code == 0, "said": said.getvalue()[:400]}), flush=True)
