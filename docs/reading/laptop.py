"""Prints what the other files here need in the environment to read the laptop's stack: ``eval "$(python laptop.py)"``.

Run it where ``call-lake local up`` was typed.
"""

import json
import os
import sys
from pathlib import Path
from shlex import quote

NAMES = {
    "AWS_ENDPOINT_URL": "endpoint_url",
    "AWS_REGION": "region",
    "AWS_DEFAULT_REGION": "region",
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "CALL_LAKE_BUCKET": "bucket",
    "CALL_LAKE_DATABASE": "database",
    "CALL_LAKE_WORKGROUP": "workgroup",
}

FILE = Path(".call-lake/local.json")
if not FILE.is_file():
    sys.exit("no stack here: type `call-lake local up --detach`, and this in the same folder")
if FILE.stat().st_uid != os.getuid():
    sys.exit(f"{FILE} belongs to another user, so it is not used: go to a folder of yours")
stack = json.loads(FILE.read_text())
for variable, name in NAMES.items():
    print(f"export {variable}={quote(stack[name])}")
print("export AWS_ALLOW_HTTP=true")  # Polars refuses plain HTTP otherwise
