"""``call-lake env``: what other tools need to know of the stack, as lines for a shell."""

from shlex import quote

from call_lake_cli.console.errors import explained
from call_lake_cli.console.options import StackName
from call_lake_cli.console.output import print_line
from call_lake_cli.stack.handle import Stack, find_stack


def env(stack: StackName = None) -> None:
    """Print the variables that PyAthena, awswrangler, DuckDB, Polars and call_lake.read need.

    Type: eval "$(call-lake env)". For a stack in AWS, they use your own credentials. For the laptop's, its keys are
    among the variables.

    Examples:
      call-lake env
      call-lake env --stack call-lake
    """
    with explained():
        for name, value in variables_of(find_stack(stack)).items():
            print_line(f"export {name}={quote(value)}")


def variables_of(stack: Stack) -> dict[str, str]:
    """By name."""
    region = stack.client("s3").meta.region_name
    found = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "CALL_LAKE_BUCKET": stack.bucket,
        "CALL_LAKE_DATABASE": stack.database,
        "CALL_LAKE_WORKGROUP": stack.workgroup,
    }
    if stack.local:
        found |= {
            "AWS_ENDPOINT_URL": stack.connection["endpoint_url"],
            "AWS_ACCESS_KEY_ID": stack.connection["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": stack.connection["aws_secret_access_key"],
            "AWS_ALLOW_HTTP": "true",  # Polars refuses plain HTTP otherwise
        }
    return found
