"""``make deploy``: what it asks, what it gives to sam."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from call_lake.errors import CallLakeError
from local import cloud

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
ANSWERS = "https://acme.thulium.com/api/\n\nhttps://acme.conpeek.com\n\n2026-01-31\n"


class Sam:
    """Notes what it was given."""

    def __init__(self, code: int = 0) -> None:
        self.given: list[str] = []
        self.code = code

    def __call__(self, arguments: Sequence[str]) -> int:
        self.given = list(arguments)
        return self.code

    @property
    def parameters(self) -> dict[str, str]:
        pairs = self.given[self.given.index("--parameter-overrides") + 1 :]
        return dict(pair.split("=", 1) for pair in pairs)


def deployed(
    sam: Sam, answers: str = "", stack: str = "lake", architecture: str = "arm64", *, stands: bool = False, **given: str
) -> str:
    app = typer.Typer()

    @app.command()
    def run() -> None:
        build, has = (lambda a: Path(a, "template.yaml")), (lambda _: stands)
        cloud.deploy_stack(stack, given, architecture, stands=has, build=build, sam=sam)

    result = CliRunner().invoke(app, input=answers, catch_exceptions=False)
    return result.output


def test_a_new_stack_is_asked_for_addresses_zones_and_the_first_day() -> None:
    sam = Sam()
    said = deployed(sam, ANSWERS)
    assert sam.parameters == {
        "ThuliumBaseUrl": "https://acme.thulium.com/api",
        "ThuliumTimeZone": "Europe/Warsaw",
        "ConpeekBaseUrl": "https://acme.conpeek.com",
        "ConpeekTimeZone": "Europe/Warsaw",
        "FirstPollFrom": "2026-01-31",
        "Architecture": "arm64",
    }
    assert "secrets set thulium --stack lake" in said


def test_what_is_given_is_not_asked() -> None:
    sam = Sam()
    deployed(sam, "\n\n\n", ThuliumBaseUrl="https://a.example/api", ConpeekBaseUrl="https://b.example", SweepDays="7")
    assert sam.parameters["ThuliumBaseUrl"] == "https://a.example/api"
    assert sam.parameters["SweepDays"] == "7"


@pytest.mark.parametrize("wrong", ["acme.thulium.com", "http://acme.thulium.com", "https://acme.thulium.com/?x=1"])
def test_an_answer_that_cannot_be_is_asked_for_again(wrong: str) -> None:
    sam = Sam()
    said = deployed(sam, f"{wrong}\n{ANSWERS}")
    assert "like https://example.thulium.com/api is needed" in said
    assert sam.parameters["ThuliumBaseUrl"] == "https://acme.thulium.com/api"


def test_a_stack_that_stands_keeps_its_parameters_and_is_asked_nothing() -> None:
    sam = Sam()
    deployed(sam, stands=True, SweepDays="30")
    assert sam.parameters == {"SweepDays": "30", "Architecture": "arm64"}


@pytest.mark.parametrize("name", ["Lake", "1lake", "l_ake", "l" * 49, ""])
def test_a_name_that_buckets_and_queues_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a stack's name"):
        deployed(Sam(), stack=name or "-")


def test_an_unknown_processor_is_refused() -> None:
    with pytest.raises(ValueError, match="arm64 or x86_64"):
        deployed(Sam(), architecture="sparc")


def test_a_deployment_that_fails_is_an_error() -> None:
    with pytest.raises(CallLakeError, match="did not succeed"):
        deployed(Sam(code=1), ANSWERS)


def test_every_question_is_a_parameter_of_the_template() -> None:
    text = TEMPLATE.read_text()
    assert all(f"\n  {name}:\n    Type: String" in text for name in cloud.QUESTIONS)


def test_the_template_takes_every_answer_that_is_let_through() -> None:
    assert cloud.base_url("https://acme.thulium.com/api/") == "https://acme.thulium.com/api"
    assert cloud.day("") == ""
    with pytest.raises(ValueError, match="2026-01-31"):
        cloud.day("31.1.2026")
    with pytest.raises(ValueError, match="Europe/Warsaw"):
        cloud.zone("Warsaw")
