"""Build the template with the real ``sam build``, and deploy it to the emulator with the real ``sam deploy``.

The laptop's stack has the same template, packages and roles as a stack in AWS. Only the endpoint differs.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from call_lake_local import packaging, wheels
from call_lake_local.endpoint import Endpoint
from call_lake_local.errors import DeployError, LocalError
from call_lake_local.project import project

PYTHON = "python3.13"  # the template's Runtime; sam looks for an interpreter of exactly this name on PATH
ARTIFACTS_BUCKET = "call-lake-artifacts"  # sam's own --resolve-s3 deploys a second stack, which takes longer than ours
TAIL_LINES = 8
POLL_DELAY_S = "0.3"  # sam asks every 5 s by default, to spare AWS; the emulator needs no sparing
_IGNORED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True, slots=True)
class SamBuild:
    """What sam builds (``repo``), with which sam, and in which folder it keeps the build between runs."""

    repo: Path = field(default_factory=project)
    sam: Path = field(default_factory=lambda: project() / ".tools/sam/bin/sam")
    folder: Path = field(default_factory=lambda: project() / ".aws-sam")


def prepare_tools(*environments: str) -> None:
    """Make these environments of ``bootstrap.py`` where they are missing or out of date. Raises LocalError."""
    only = [word for name in environments for word in ("--only", name)]
    command = [sys.executable, "-m", "call_lake_local.bootstrap", *only]
    environment = os.environ | {"PYTHONPATH": str(project() / "local")}  # it works in the folder that it lies in
    if subprocess.run(command, cwd=project(), env=environment, stdin=subprocess.DEVNULL).returncode != 0:
        raise LocalError(f"{' and '.join(environments)} could not be installed; the line above says why")


def check_parameters(names: Iterable[str]) -> None:
    """Raises LocalError for a parameter that template.yaml does not have."""
    if unknown := sorted(set(names) - set(_definitions())):
        raise LocalError(f"template.yaml has no parameter {unknown[0]}; its section Parameters lists them")


def check_values(parameters: Mapping[str, str]) -> None:
    """Raises LocalError for a value that CloudFormation would refuse when everything is built: by the constraints that
    template.yaml gives the parameter."""
    definitions = _definitions()
    for name, value in parameters.items():
        if name in definitions and (why := _why_refused(value, definitions[name])):
            raise LocalError(f"{name}: {why}")


def _definitions() -> dict[str, dict[str, str]]:
    """What template.yaml says of each parameter, as written."""
    section = (project() / "template.yaml").read_text().partition("\nParameters:\n")[2]
    section = re.split(r"^\S", section, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^  (\w+):\n((?:    .*\n)+)", section, re.MULTILINE)
    return {name: dict(re.findall(r"^    (\w+): (.+)$", block, re.MULTILINE)) for name, block in blocks}


def _why_refused(value: str, definition: Mapping[str, str]) -> str:
    if (pattern := definition.get("AllowedPattern")) and not re.fullmatch(json.loads(pattern), value):
        return f"it has to fit {json.loads(pattern)}"
    allowed = re.findall(r"[^][\", ]+", definition.get("AllowedValues", ""))
    if allowed and value not in allowed:
        return f"it has to be one of {', '.join(allowed)}"
    if len(value) > (most := int(definition.get("MaxLength", "4096"))):
        return f"it has {len(value)} characters, {most} at most are allowed"
    return _why_no_number(value, definition) if definition["Type"] == "Number" else ""


def _why_no_number(value: str, definition: Mapping[str, str]) -> str:
    if not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return "it has to be a number"
    least, most = (definition.get(key) for key in ("MinValue", "MaxValue"))
    if least is not None and float(value) < float(least):
        return f"it has to be {least} or more"
    return f"it has to be {most} or less" if most is not None and float(value) > float(most) else ""


def machine_architecture() -> str:
    """The template's ``Architecture`` that this machine can run."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def build(target: SamBuild, architecture: str = "", *, say: Callable[[str], None] = print) -> Path:
    """Run ``sam build`` where its inputs have changed, and return the built template. ``architecture``: the template's,
    by default this machine's. Raises DeployError."""
    target.folder.mkdir(parents=True, exist_ok=True)
    with (target.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two stacks that start at once build once
        return _build(target, architecture or machine_architecture(), say)


def _build(target: SamBuild, architecture: str, say: Callable[[str], None]) -> Path:
    repo, sam, folder = target.repo, target.sam, target.folder
    built = folder / "build" / "template.yaml"
    mark = folder / "inputs.sha256"
    inputs = _hash_of_inputs(repo, architecture, sam)
    if built.exists() and mark.exists() and mark.read_text() == inputs:
        say("build: nothing has changed")
        return built
    mark.unlink(missing_ok=True)
    say(f"build: sam build for {architecture}")
    started = time.monotonic()
    command = [str(sam), "build", "--template", str(repo / "template.yaml"), "--base-dir", str(repo)]
    command += ["--build-dir", str(built.parent), "--cache-dir", str(folder / "cache"), "--cached", "--parallel"]
    command += ["--parameter-overrides", f"Architecture={architecture}"]
    environment, python = _build_environment()
    wheels.download(repo, architecture, folder / "wheels", python, environment)
    _run("sam build", command, wheels.offline(environment, folder / "wheels"), folder)
    packaging.prepare(built.parent)
    _pack(built)
    mark.write_text(inputs)
    say(f"build: done in {time.monotonic() - started:.1f} s")
    return built


def deploy(
    target: SamBuild,
    endpoint: Endpoint,
    stack_name: str,
    parameters: Mapping[str, str],
    *,
    say: Callable[[str], None] = print,
) -> dict[str, str]:
    """Build, deploy to ``endpoint`` and return the stack's outputs by name.

    ``parameters`` come on top of the laptop's own (``IsCloud`` and ``Architecture``). Raises DeployError.
    """
    built = build(target, say=say)
    chosen = {"IsCloud": "false", "Architecture": machine_architecture(), **parameters}
    overrides = target.folder / f"parameters-{os.getpid()}.yaml"  # one for each process, as two may deploy at once
    _make_bucket(endpoint.client("s3"), endpoint.region)
    say(f"deploy: sam deploy of {stack_name} to {endpoint.url}")
    started = time.monotonic()
    command = [str(target.sam), "deploy", "--template", str(built), "--stack-name", stack_name]
    command += ["--region", endpoint.region, "--s3-bucket", ARTIFACTS_BUCKET, "--s3-prefix", stack_name]
    command += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]
    command += ["--no-progressbar", "--on-failure", "DELETE", *parameter_overrides(chosen, overrides)]
    _run("sam deploy", command, _deploy_environment(endpoint), target.folder)
    say(f"deploy: done in {time.monotonic() - started:.1f} s")
    return outputs_of(stack_name, endpoint.client("cloudformation"))


def parameter_overrides(parameters: Mapping[str, str], file: Path) -> list[str]:
    """sam's arguments for these parameters, which this writes to ``file`` (``.yaml``).

    sam's command line cannot carry an empty value, and cuts a value that holds JSON or a space. When sam reads a file,
    it removes a backslash before a space or a quote, twice (``_unquote_wrapped_quotes`` in sam 1.170).
    """
    kept = {key: re.sub(r"\\(?=[ \"'])", r"\\\\\\", value) for key, value in parameters.items()}
    file.write_text(json.dumps(kept, indent=1))  # JSON is YAML
    return ["--parameter-overrides", f"file://{file}"]


def outputs_of(stack_name: str, cloudformation: Any) -> dict[str, str]:
    """The stack's outputs by name. Raises DeployError where the stack does not exist or is not whole."""
    try:
        stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    except ClientError as error:
        raise DeployError(f"stack {stack_name} was not found: {error}") from None
    if not stack["StackStatus"].endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")):
        raise DeployError(
            f"stack {stack_name} is {stack['StackStatus']}: {stack.get('StackStatusReason', 'no reason')}"
        )
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _hash_of_inputs(repo: Path, architecture: str, sam: Path) -> str:
    digest = hashlib.sha256(f"{architecture} {sys.version_info[:3]} {sam}\n".encode())
    for path in _inputs(repo):
        digest.update(f"{path.relative_to(repo, walk_up=True)}\0{path.stat().st_mode & 0o777:o}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _inputs(repo: Path) -> Iterable[Path]:
    yield repo / "template.yaml"
    yield from (Path(packaging.__file__), Path(wheels.__file__))
    for folder in ("functions", "shared"):
        for path in sorted((repo / folder).rglob("*")):
            if path.is_file() and not _IGNORED.intersection(path.parts):
                yield path


def _pack(built: Path) -> None:
    """Zip each package once, here: ``sam deploy`` would do it at every deployment, for ten seconds with pyarrow."""

    def zipped(line: re.Match[str]) -> str:
        name = line[2]
        with zipfile.ZipFile(built.parent / f"{name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
            for path in sorted(filter(Path.is_file, (built.parent / name).rglob("*"))):
                package.write(path, path.relative_to(built.parent / name))
        return f"{line[1]}{name}.zip"

    template = built.read_text()
    built.write_text(re.sub(r"^( +(?:CodeUri|ContentUri): )(\w+)$", zipped, template, flags=re.MULTILINE))


def _make_bucket(s3: Any, region: str) -> None:
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=ARTIFACTS_BUCKET, **place)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        return
    except ClientError as error:
        raise DeployError(f"no bucket for the packages: {error}") from None


def _build_environment() -> tuple[dict[str, str], Path]:
    """The caller's environment (pip may need its proxies) without AWS, and with a real Python 3.13 first on PATH; and
    that Python."""
    folder = _python_folder()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "PYTHON"))}
    path = os.pathsep.join([str(folder), kept.get("PATH", os.defpath)])
    return kept | {"PATH": path, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}, folder / PYTHON


def _python_folder() -> Path:
    """A folder whose python3.13 is no shim of a version manager and has pip: sam asks for both."""
    for folder in (Path(sys.base_prefix) / "bin", Path(sys.prefix) / "bin"):
        python = folder / PYTHON
        if python.exists() and subprocess.run([python, "-Ic", "import pip"], capture_output=True).returncode == 0:
            return folder
    raise DeployError(f"sam needs a {PYTHON} with pip, and {sys.base_prefix} has none: install one, or use uv's")


def _deploy_environment(endpoint: Endpoint) -> dict[str, str]:
    """Nothing of the caller's own AWS account can reach this sam, nor its proxies."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": POLL_DELAY_S,
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": endpoint.access_key_id,
        "AWS_SECRET_ACCESS_KEY": endpoint.secret_access_key,
        "AWS_DEFAULT_REGION": endpoint.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _run(what: str, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
    """Run sam with its output in ``folder``. Raises DeployError with the tail of it."""
    command = [*command, "--config-env", "laptop"]  # what --guided has saved for the cloud is not for us
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{what.replace(' ', '-')}.log"
    with log.open("wb") as output:
        try:
            code = subprocess.run(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ).returncode
        except OSError as error:
            raise DeployError(f"{what} did not start: {error}") from None
    if code != 0:
        lines = [line.rstrip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        tail = "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])
        raise DeployError(f"{what} ended with exit code {code}; all of its output is in {log}\n{tail}")
