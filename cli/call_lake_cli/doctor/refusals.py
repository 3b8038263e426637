"""Why AWS refused a request or failed a query, and what to do: read from its error code and its message.

Athena gives no code for most of its refusals, only a text. AWS documents some of these texts. The others are quoted in
public reports of users, and none was seen in an account of ours:

- Lake Formation says "Insufficient Lake Formation permission(s): Required Describe on TABLE". A role that may see a
  table and select none of its columns is told that the "relation contains no accessible columns", or that a column
  "cannot be resolved or requester is not authorized to access requested resources".
  https://docs.aws.amazon.com/lake-formation/latest/dg/troubleshooting.html has what to grant.
- Results: "No output location provided"
  (https://docs.aws.amazon.com/athena/latest/ug/query-results-specify-location.html), "Unable to verify/create output
  bucket" (https://repost.aws/knowledge-center/athena-output-bucket-error), "Access denied when writing output to url".
- Rights: "is not authorized to perform: ACTION", "Permission denied on S3 path".
  https://docs.aws.amazon.com/athena/latest/ug/security-iam-athena.html has what a query needs.
"""

import re
from dataclasses import dataclass

from botocore.exceptions import ClientError

REFUSED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AccessDeniedFault", "403"}
MISSING = {"ResourceNotFoundException", "NotFound", "404", "NoSuchBucket"}

LAKE_FORMATION = re.compile(
    "Lake Formation|no accessible columns|requester is not authorized to access requested resources", re.IGNORECASE
)
RESULTS = re.compile("output location|output bucket|writing output|result configuration", re.IGNORECASE)
RIGHT = re.compile(r"not authorized to perform:? (?P<right>[a-z0-9-]+:[A-Za-z*]+)", re.IGNORECASE)
NO_RIGHT = re.compile("access ?denied|permission denied|insufficient permissions|not authorized", re.IGNORECASE)
NO_TABLE = re.compile(r"TABLE_NOT_FOUND|SCHEMA_NOT_FOUND|EntityNotFound|(table|database|schema) .*does not exist", re.I)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What AWS refused, and what to do about it."""

    found: str
    to_do: str


def of_query(reason: str) -> Refusal:
    """What Athena's own reason for a failed query means."""
    if governed := _of_lake_formation(reason):
        return governed
    if RESULTS.search(reason):
        return Refusal(
            f"the result cannot be kept: {reason}",
            "ask for s3:GetBucketLocation on the bucket, s3:GetObject and s3:PutObject below athena-results/; if the "
            "workgroup has no result location, deploy the stack again",
        )
    if right := RIGHT.search(reason):
        return Refusal(f"your credentials may not call {right['right']}", f"ask for the right to call {right['right']}")
    if NO_RIGHT.search(reason):
        return Refusal(
            f"a right is missing: {reason}",
            "ask for s3:GetObject and s3:ListBucket on the bucket, glue:GetTable and glue:GetPartitions on the "
            "database; with your own key, kms:Decrypt too",
        )
    if NO_TABLE.search(reason):
        return Refusal(f"the table is not there: {reason}", "docs/runbook.md, A dropped table")
    return Refusal(f"the query failed: {reason}", "look the query up in Athena's console, or try again")


def of_call(error: ClientError) -> Refusal:
    """What an error that a service answered means."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))
    operation = error.operation_name
    if governed := _of_lake_formation(message):
        return governed
    if code in REFUSED:
        return Refusal(f"your credentials may not call {operation}", f"ask for the right to call {operation}")
    if code in MISSING:
        return Refusal(f"{operation}: it is not there", "deploy the stack again")
    if operation == "StartQueryExecution":  # Athena says only in words what it does not like
        return of_query(message)
    return Refusal(f"{operation}: {code}", "see the AWS console, or try again")


def _of_lake_formation(text: str) -> Refusal | None:
    if not LAKE_FORMATION.search(text):
        return None
    return Refusal(
        f"Lake Formation governs this catalog and refuses it: {text}",
        "docs/runbook.md, Lake Formation: let IAM alone decide on this database, or grant yourself DESCRIBE on it, "
        "SELECT and DESCRIBE on its tables",
    )
