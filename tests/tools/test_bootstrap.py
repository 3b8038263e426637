"""Setting up: what is looked for, when it is done again, what it says when it cannot."""

import ast
import fcntl
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from call_lake_local import bootstrap
from call_lake_local.bootstrap import ENVIRONMENTS, LOCKS, Setup, SetupError
from call_lake_local.machine import answer_of, cause_of, index_from_pip, runs

ROOT = Path(__file__).resolve().parents[2]
VENV, SAM = ENVIRONMENTS[0], ENVIRONMENTS[1]


def script(path: Path, body: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with lock files, and a uv in ``bin`` that makes environments of nothing and keeps a diary."""
    for environment in ENVIRONMENTS:
        lock = tmp_path / environment.lock
        lock.parent.mkdir(exist_ok=True)
        lock.write_text(f"{environment.name}==1\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    makes_venv = 'if [ "$1" = venv ]; then for last; do :; done; mkdir -p "$last/bin"; : >"$last/bin/python"; fi'
    version = 'if [ "$1" = --version ]; then echo "uv 0.13.9"; exit; fi'
    script(tmp_path / "bin/uv", f'{version}\necho "$@" >>"{tmp_path}/diary"\n{makes_venv}')
    script(tmp_path / "bin/python3.13", f'exec "{sys.executable}" "$@"')
    return tmp_path


def setup_of(repository: Path, **environ: str) -> Setup:
    return Setup(repository, {"PATH": f"{repository}/bin:/usr/bin:/bin", "PYENV_ROOT": str(repository)} | environ)


def diary(repository: Path) -> list[str]:
    lines = (repository / "diary").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("python find")]


def test_an_environment_is_made_from_its_hashed_lock_alone(repository):
    setup_of(repository).make(["sam"])
    python = f"--quiet --python {repository}/.tools/sam/bin/python"
    made, synced = diary(repository)
    assert made.startswith("venv --quiet --python ")
    assert synced == f"pip sync {python} --require-hashes requirements/sam.txt"


def test_the_project_is_installed_into_its_own_environment_without_resolving_anything(repository):
    setup_of(repository).make(["venv"])
    assert diary(repository)[-1].endswith("--no-deps --no-build-isolation --editable .")


def test_a_second_run_starts_nothing(repository):
    setup_of(repository).make(["venv", "sam"])
    (repository / "diary").unlink()
    Setup(repository, {"PATH": ""}).make(["venv", "sam"])
    assert not (repository / "diary").exists()


def test_only_the_environment_whose_lock_changed_is_made_again(repository):
    setup_of(repository).make(["venv", "sam"])
    (repository / "diary").unlink()
    (repository / SAM.lock).write_text("sam==2\n", encoding="utf-8")
    setup_of(repository).make(["venv", "sam"])
    assert [line.split()[-1] for line in diary(repository)] == [f"{repository}/.tools/sam", "requirements/sam.txt"]


def test_a_changed_pyproject_installs_the_project_again(repository):
    setup_of(repository).make(["venv", "sam"])
    (repository / "pyproject.toml").write_text("[project]\nname='x'\n", encoding="utf-8")
    assert not setup_of(repository).is_fresh(VENV)
    assert setup_of(repository).is_fresh(SAM)


def test_a_moved_repository_is_set_up_again_for_scripts_name_their_interpreter(repository, tmp_path_factory):
    setup_of(repository).make(["sam"])
    moved = tmp_path_factory.mktemp("moved") / "repository"
    repository.rename(moved)
    assert not setup_of(moved).is_fresh(SAM)


def test_an_environment_whose_interpreter_is_gone_is_made_again(repository):
    setup_of(repository).make(["sam"])
    (repository / ".tools/sam/bin/python").unlink()
    assert not setup_of(repository).is_fresh(SAM)


def test_a_failed_installation_is_one_line_with_its_cause_and_is_not_taken_for_done(repository):
    fails = 'echo "error: Failed to fetch a"; echo "  Caused by: no route to host"; exit 2'
    script(
        repository / "bin/uv", f'[ "$1" = --version ] && echo "uv 0.13.9" && exit\n[ "$1" = venv ] || {{ {fails}; }}'
    )
    with pytest.raises(SetupError, match=r"could not install \.tools/sam .*: no route to host\. Check") as caught:
        setup_of(repository).make(["sam"])
    assert "\n" not in str(caught.value)
    assert "Failed to fetch a" in (repository / ".tools/setup.log").read_text(encoding="utf-8")
    assert not setup_of(repository).is_fresh(SAM)


def test_two_runs_at_once_set_up_once(repository, capsys):
    (repository / ".tools").mkdir()
    second = threading.Thread(target=setup_of(repository).make, args=(["sam"],), daemon=True)
    with (repository / ".tools/setup.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second.start()
        said, deadline = "", time.monotonic() + 30
        while "waiting for another set-up" not in said:
            assert time.monotonic() < deadline
            said += capsys.readouterr().err
        made = repository / ".tools/sam"
        (made / "bin").mkdir(parents=True)
        (made / "bin/python").touch()
        (made / "setup.stamp").write_text(setup_of(repository)._stamp(SAM), encoding="utf-8")
    second.join(timeout=30)
    assert not second.is_alive()
    assert not (repository / "diary").exists()


def test_a_shim_that_does_not_run_is_passed_over_for_a_python_that_does(repository):
    script(repository / "shims/python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    kept = script(repository / "versions/3.13.9/bin/python3.13", f'exec "{sys.executable}" "$@"')
    (repository / "bin/python3.13").unlink()
    setup = setup_of(repository, PATH=f"{repository}/shims")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(repository / "shims/python3.13"))
        assert setup.python(str(repository / "bin/uv")) == kept


def test_the_newest_kept_python_is_taken_by_number_not_by_letter(repository):
    for version in ("3.13.9", "3.13.10"):
        script(repository / f"versions/{version}/bin/python3.13", f'exec "{sys.executable}" "$@"')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python3")
        found = setup_of(repository, PATH="").python(str(repository / "bin/uv"))
    assert found == str(repository / "versions/3.13.10/bin/python3.13")


def test_where_no_python_of_the_version_runs_uv_fetches_one_into_the_repository(repository):
    setup = setup_of(repository, PATH="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python3")
        assert setup.python(str(repository / "bin/uv")) == "3.13"
    assert diary(repository) == ["python install 3.13"]
    assert setup.environ["UV_PYTHON_INSTALL_DIR"] == str(repository / ".tools/python")
    assert setup.environ["UV_PYTHON_INSTALL_BIN"] == "0"


def test_a_link_inside_an_environment_is_followed_to_the_python_behind_it(repository):
    inside = repository / ".venv/bin/python3.13"
    inside.parent.mkdir(parents=True)
    inside.symlink_to(repository / "bin/python3.13")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(inside))
        assert setup_of(repository).python(str(repository / "bin/uv")) == str(repository / "bin/python3.13")


@pytest.mark.parametrize("answer", ["exit 127", "echo 'uv 0.4.30'", "echo 'something else'"])
def test_a_uv_that_fails_or_is_too_old_is_passed_over(repository, answer):
    script(repository / "first/uv", answer)
    setup = setup_of(repository, PATH=f"{repository}/first:{repository}/bin")
    assert setup.uv() == str(repository / "bin/uv")


def test_a_machine_with_neither_uv_nor_venv_nor_pip_is_told_what_to_install(repository, monkeypatch):
    monkeypatch.setattr(sys, "executable", script(repository / "bare/python3", "exit 1"))
    with pytest.raises(SetupError, match="apt install python3-venv"):
        setup_of(repository, PATH="").uv()


def pip_says(path: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    text = "\n".join(lines)
    monkeypatch.setattr(sys, "executable", script(path / "python3", f"cat <<'END'\n{text}\nEND"))


@pytest.mark.parametrize("place", ["global", ":env:"])
def test_the_mirror_and_certificate_of_pip_become_those_of_uv(tmp_path, monkeypatch, place):
    pip_says(tmp_path, monkeypatch, f"{place}.cert='/etc/ca.pem'", f"{place}.index-url='https://mirror.example/simple'")
    found = index_from_pip({"PATH": os.environ["PATH"]})
    assert found == {"UV_DEFAULT_INDEX": "https://mirror.example/simple", "SSL_CERT_FILE": "/etc/ca.pem"}


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_what_uv_is_told_itself_stands(tmp_path, monkeypatch, name):
    pip_says(tmp_path, monkeypatch, ":env:.index-url='https://mirror.example/simple'")
    assert index_from_pip({"PATH": os.environ["PATH"], name: "https://other.example/simple"}) == {}


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("error: Request failed\n  Caused by: error sending\n  Caused by: dns error\n", "dns error"),
        ("error: Failed\n  cause: hash mismatch\n\nhint: look there\n", "hash mismatch"),
        ("WARNING: x\nERROR: No matching distribution found for uv\n", "No matching distribution found for uv"),
        ("killed\n", "killed"),
        ("", "it said nothing"),
    ],
)
def test_the_innermost_cause_is_told(output, cause):
    assert cause_of(output) == cause


def test_a_command_that_cannot_be_run_answers_nothing():
    assert answer_of(["/nowhere/tool"], {}) == ""
    assert not runs("/nowhere/python3", "3.13", {})


@pytest.mark.parametrize("name", ["bootstrap", "machine"])
def test_set_up_runs_on_an_old_python_with_the_standard_library_alone(name):
    path = ROOT / "local/call_lake_local" / f"{name}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names} <= {
        "call_lake_local.machine"
    }


def test_a_python_that_is_too_old_is_told_so(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    assert bootstrap.main(["--only", "venv"]) == 1
    assert "python3 is 3.9; 3.11 or later is needed" in capsys.readouterr().err


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", [output for output, _ in LOCKS])
def test_every_locked_package_is_pinned_with_hashes_and_names_no_index(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    requirements = re.findall(r"^[^\s#].*(?:\n    --hash=.*)*", text, re.MULTILINE)
    assert requirements
    assert not [r for r in requirements if "==" not in r or "--hash=sha256:" not in r]
    assert not re.search(r"index-url|find-links|://", text)


@pytest.mark.parametrize(
    "shipped",
    [
        "shared/requirements.txt",
        "functions/compactor/requirements.txt",
        "functions/transcript_reader/requirements.txt",
    ],
)
def test_what_is_tested_is_what_ships(shipped):
    assert pins(shipped).items() <= pins("requirements/dev.txt").items()


@pytest.mark.parametrize("name", ["layer", "compactor", "transcript-reader", "uv", "sam", "ministack", "peers"])
def test_what_is_asked_for_is_what_is_locked(name):
    lock = next(output for output, arguments in LOCKS if arguments == (f"requirements/{name}.in",))
    for line in (ROOT / f"requirements/{name}.in").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            asked, _, version = line.partition("==")
            assert pins(lock)[asked].startswith(version.removesuffix("*"))


def test_the_layer_leaves_boto3_to_the_runtime():
    assert not {"boto3", "botocore"} & set(pins("shared/requirements.txt"))


def test_help_is_what_make_says_by_default_and_lists_every_target():
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"^  make (\S+) +\S", done.stdout, re.MULTILINE)) == targets
