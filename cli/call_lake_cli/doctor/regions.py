"""``call-lake doctor`` on regions: is what the stack was given in the region that it is in?"""

from collections.abc import Iterator

from call_lake_cli.doctor.checks import Check, fail, ok
from call_lake_cli.stack.handle import Stack

GIVEN = ("AlarmTopicArn", "KmsKeyArn", "RecordingIdKeyArn")
"""Parameters with the ARN of something that the stack uses and did not make."""


def regions(stack: Stack) -> Iterator[Check]:
    """Compare the region that is asked with those of the bucket and of each ARN that the stack was given. S3 says a
    bucket's region: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html"""
    client = stack.client("cloudformation")
    here = client.meta.region_name
    found = client.describe_stacks(StackName=stack.name)["Stacks"][0].get("Parameters", ())
    given = {one["ParameterKey"]: one.get("ParameterValue", "") for one in found}
    bucket = stack.client("s3").head_bucket(Bucket=stack.bucket).get("BucketRegion", here)
    theirs = {"the bucket": bucket} | {name: given[name].split(":")[3] for name in GIVEN if given.get(name)}
    elsewhere = {what: region for what, region in theirs.items() if region != here}
    for what, region in elsewhere.items():
        yield fail(
            "region",
            f"{what} is in {region}, and the stack in {here}",
            f"deploy with a {what} of {here}" if what in GIVEN else f"set AWS_REGION to {region}",
        )
    if not elsewhere:
        yield ok("region", f"{here}, for {len(theirs)} of {len(theirs)} parts that could be elsewhere")
