"""What ``make deploy`` and the laptop hand to sam is what sam itself reads."""

import json
import subprocess
from pathlib import Path

from call_lake_local.deploy import SamBuild, parameter_overrides

READ = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
print(json.dumps(CfnParameterOverridesType().convert((sys.argv[1],), None, None)))
"""


def read_by_sam(argument: str) -> dict[str, str]:
    command = [str(SamBuild().sam.with_name("python")), "-c", READ, argument]
    answer = subprocess.run(command, cwd=SamBuild().repo, stdout=subprocess.PIPE, check=True).stdout
    return dict(json.loads(answer))


def test_empty_values_spaces_quotes_and_json_reach_sam_as_they_were_typed(tmp_path: Path) -> None:
    typed = {
        "FirstPollFrom": "",
        "PollEvery": "rate(10 minutes)",
        "ThuliumSettings": '{"requests_per_second": 2, "exclude": "it\'s \\"quoted\\""}',
        "SubnetIds": "subnet-1,subnet-2",
        "SweepDays": "30",
        "EnableTranscription": "true",
    }
    option, argument = parameter_overrides(typed, tmp_path / "parameters.yaml")
    assert option == "--parameter-overrides"
    assert read_by_sam(argument) == typed
