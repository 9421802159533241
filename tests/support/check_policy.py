"""Holds an IAM policy to two checkers: parliament, and cloudsplaining.

usage: check_policy.py < POLICY

Prints one line for each thing that they find, but for these:
- `Resource: *` where an action could be bound to a resource: ids are not known before there is one;
  what takes away is bound to our tag instead.
- `ssm:GetParameter` on a public parameter: its ARN has no account (AWS: Calling public parameters),
  which parliament does not know.
- `ec2:GetCapacityManager..`: actions of October 2025 (aws-sdk-ec2 1.274 has them), newer than
  parliament's table.
- that infrastructure is changed without constraints, for what launches: that is what it is for.
"""

import json
import sys

from cloudsplaining.scan.policy_document import PolicyDocument
from parliament import analyze_policy_string

text = sys.stdin.read()
policy = json.loads(text)


def is_known(finding):
    if finding.issue == "RESOURCE_STAR":
        return True
    if finding.issue == "UNKNOWN_ACTION":
        return "Unknown action ec2:GetCapacityManager" in str(finding.detail)
    return finding.issue == "RESOURCE_MISMATCH" and all(
        detail["action"] == "ssm:GetParameter" for detail in finding.detail
    )


for finding in analyze_policy_string(text).findings:
    if not is_known(finding):
        print(f"parliament: {finding.issue} {finding.detail}")

document = PolicyDocument(policy)
for name in (
    "allows_privilege_escalation",
    "permissions_management_without_constraints",
    "allows_data_exfiltration_actions",
    "credentials_exposure",
    "service_wildcard",
):
    if found := getattr(document, name):
        print(f"cloudsplaining: {name} {found}")

MAKES = ("Allocate", "Attach", "Authorize", "Create", "Import", "Modify", "Replace", "Revoke", "Run")
for action in document.infrastructure_modification:
    if not action.removeprefix("ec2:").startswith(MAKES):
        print(f"cloudsplaining: {action} is not bound to our tag")
