"""What `make trino` needs before a server runs: a Java, a pinned server, and a judge that is not easily pleased."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from call_lake_local.endpoint import Endpoint
from call_lake_local.named_queries import query_files
from tests.support.stub_web import Reply, Seen, StubWeb, json_reply
from tests.trino import install
from tests.trino.answers import EDITS, NUMBER, edited
from tests.trino.client import Trino, TrinoError
from tests.trino.install import Artifact, NotInstalled, find_java, java_version
from tests.trino.listings import Listings
from tests.trino.report import Check, compared, markdown
from tests.trino.server import files, options

HOME = Path("/somewhere/trino")
ENDPOINT = Endpoint("http://127.0.0.1:1", "eu-central-1", "the-key", "the-secret")


def program(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o700)
    return file


def java(home: Path, version: str) -> Path:
    return program(home / "bin/java", f"echo 'openjdk version \"{version}\" 2026-01-01' >&2")


@pytest.fixture(autouse=True)
def no_other_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "JAVA_HOMES", ())


# -- Java


@pytest.mark.parametrize(
    ("banner", "number"),
    [
        ('openjdk version "25.0.3" 2026-04-21 LTS', 25),
        ('openjdk version "24" 2025-03-18', 24),
        ('java version "1.8.0_402"', 8),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", 0),
    ],
)
def test_the_version_of_java_is_read_from_its_banner(banner: str, number: int) -> None:
    assert java_version(banner) == number


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    wanted, other = java(tmp_path / "home", "25"), java(tmp_path / "other", "25")
    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(other.parent)}) == wanted


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    java(tmp_path / "home", "17.0.15")
    new = java(tmp_path / "new", "24.0.1")
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": f"{new.parent}{os.pathsep}/usr/bin"}
    assert find_java(environ) == new


def test_without_a_java_it_says_what_to_install(tmp_path: Path) -> None:
    java(tmp_path / "home", "23")
    with pytest.raises(NotInstalled, match=r"needs Java 24 or later.*install a JDK.*JAVA_HOME.*make trino again"):
        find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path)})


# -- the server


def test_without_maven_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "HOME", tmp_path / "476")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalled, match="mvn is missing: install Maven"):
        install.install()


def test_a_server_that_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "HOME", tmp_path)
    monkeypatch.setenv("PATH", "")
    assert install.install() == tmp_path


def test_another_file_than_the_pinned_one_is_not_used(tmp_path: Path) -> None:
    artifact = Artifact("trino-hive", "zip", "0" * 64)
    maven = program(tmp_path / "mvn", f"echo invented > {tmp_path}/{artifact.file_name}")
    with pytest.raises(NotInstalled, match="is pinned: it is not used"):
        install._fetch(str(maven), artifact, tmp_path)


def test_the_pinned_file_is_used(tmp_path: Path) -> None:
    artifact = Artifact("trino-hive", "zip", hashlib.sha256(b"invented").hexdigest())
    maven = program(tmp_path / "mvn", f"printf invented > {tmp_path}/{artifact.file_name}")
    install._fetch(str(maven), artifact, tmp_path)


def test_what_maven_says_is_in_the_error(tmp_path: Path) -> None:
    maven = program(tmp_path / "mvn", "echo '[ERROR] no such artifact'; exit 1")
    with pytest.raises(NotInstalled, match=r"mvn cannot fetch io.trino:trino-hive:476:zip: \[ERROR\] no such artifact"):
        install._fetch(str(maven), install.HIVE, tmp_path)


def test_the_server_listens_on_this_machine_alone() -> None:
    assert "-Dnode.bind-ip=127.0.0.1" in options(HOME, HOME)
    assert "-Dnode.internal-address=127.0.0.1" in options(HOME, HOME)
    assert "discovery.uri=http://127.0.0.1:5\n" in files("http://127.0.0.1:5", HOME, ENDPOINT)["etc/config.properties"]


def test_the_server_asks_the_local_stack_alone() -> None:
    catalog = files("http://127.0.0.1:5", HOME, ENDPOINT)["etc/catalog/awsdatacatalog.properties"]
    assert f"hive.metastore.glue.endpoint-url={ENDPOINT.url}\n" in catalog
    assert f"s3.endpoint={ENDPOINT.url}\n" in catalog


# -- the client


def of_pages(*pages: dict[str, Any]) -> StubWeb:
    """Answers with one page after the other, each of which names the next."""
    left = list(pages)

    def answer(seen: Seen) -> Reply:
        page = left.pop(0)
        more = {"nextUri": "http://127.0.0.1:5/v1/next"} if left else {}
        return json_reply({"stats": {"physicalInputBytes": 7}, **more, **page})

    return StubWeb(answer)


def test_an_answer_is_all_of_its_pages_as_athena_prints_them() -> None:
    columns = [{"name": "n", "type": "bigint"}, {"name": "at", "type": "timestamp(3)"}, {"name": "s", "type": "double"}]
    web = of_pages(
        {},
        {"columns": columns, "data": [[1, "2026-10-25 01:30:00.000", 1.5e7]]},
        {"data": [[None, "2026-10-25 02:30:00.000", 0.5]]},
    )
    answer = Trino("http://127.0.0.1:5", "calls_of", web.session).ask("SELECT 1", {"a": "b"})
    assert answer.rows == [("1", "2026-10-25 01:30:00.000", "1.5E7"), (None, "2026-10-25 02:30:00.000", "0.5")]
    assert (answer.columns, answer.types) == (("n", "at", "s"), ("bigint", "timestamp", "double"))
    assert answer.read_bytes == 7
    assert web.seen[0].headers["X-Trino-Schema"] == "calls_of"
    assert web.seen[0].headers["X-Trino-Session"] == "awsdatacatalog.a=b"


def test_rows_within_an_array_have_the_names_of_their_fields() -> None:
    columns = [
        {"name": "s", "type": 'array(row(start_s double, "text" varchar))'},
        {"name": "r", "type": "row(bigint)"},
    ]
    web = of_pages({"columns": columns, "data": [[[[0.5, "a"], [1.0, None]], [1]], [None, None]]})
    answer = Trino("http://127.0.0.1:5", session=web.session).ask("SELECT 1")
    assert answer.types == ("array", "row")
    assert answer.rows == [("[{start_s=0.5, text=a}, {start_s=1.0, text=null}]", "{field0=1}"), (None, None)]


def test_an_error_on_a_later_page_ends_the_query() -> None:
    web = of_pages({"data": [[1]]}, {"error": {"errorName": "HIVE_BAD_DATA", "message": "a column"}})
    with pytest.raises(TrinoError, match="HIVE_BAD_DATA: a column"):
        Trino("http://127.0.0.1:5", session=web.session).rows("SELECT 1")


# -- the judge


def test_parameters_are_edited_as_an_analyst_does() -> None:
    assert edited("SELECT 3 AS at_least_calls, '+48' AS number", {"+48": "000"}) == (
        "SELECT 1 AS at_least_calls, '000' AS number"
    )


def test_each_parameter_that_is_edited_is_in_one_query() -> None:
    texts = [file.read_text() for file in query_files()]
    assert {old: sum(old in text for text in texts) for old in (*EDITS, NUMBER)} == dict.fromkeys((*EDITS, NUMBER), 1)


def test_equal_answers_are_the_same() -> None:
    assert compared("x", [("1", None)], [("1", None)]) == Check("x", "1 rows, the same")


@pytest.mark.parametrize(
    ("theirs", "result"),
    [
        ([("1",), ("3",)], "row 2: adapter ('2',), Trino ('3',)"),
        ([("2",), ("1",)], "row 1: adapter ('1',), Trino ('2',)"),
        ([("1",)], "adapter 2 rows, Trino 1 rows"),
        ([("1",), (None,)], "row 2: adapter ('2',), Trino (None,)"),
    ],
)
def test_the_first_difference_is_named(theirs: list, result: str) -> None:
    assert compared("x", [("1",), ("2",)], theirs) == Check("x", result, ok=False)


def test_listings_are_counted_since_the_last_time(tmp_path: Path) -> None:
    log = tmp_path / "trino.log"
    listing = "DEBUG Sending Request: DefaultSdkHttpFullRequest(httpMethod=GET, queryParameters=[list-type, prefix])\n"
    get = "DEBUG Sending Request: DefaultSdkHttpFullRequest(httpMethod=GET, queryParameters=[])\n"
    log.write_text(listing + get)
    counted = Listings(log)
    with log.open("a") as more:
        more.write(get + listing + listing)
    assert (counted.taken(), counted.taken()) == (2, 0)


def test_the_table_has_a_line_for_each_check() -> None:
    assert markdown([Check("`calls`", "5 rows, the same")], "476").splitlines()[-1] == "| `calls` | 5 rows, the same |"
