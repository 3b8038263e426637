# `make` alone lists the targets. Everything is set up on first use (local/call_lake_local/bootstrap.py).
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo deploy test lint scan audit format test-fast test-integration test-e2e try-installed mutations queries sources screens bench-import bench-copy bench-poll torture trino bench-compact bench-cloud bench-scale cost rights upgrade-base lock clean

PYTHON3 ?= python3
SETUP := @PYTHONPATH=local $(PYTHON3) -m call_lake_local.bootstrap
BIN := .venv/bin
AUDITED := shared/requirements.txt functions/compactor/requirements.txt functions/transcript_reader/requirements.txt \
    functions/sound_analyzer/requirements.txt requirements/dev.txt docs/examples/engine/requirements.txt
# Without compiled files each start of sam and the emulator takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-24s %s\n", $$1, $$2}'

demo: ## deploy on this machine, move simulated recordings, answer from Athena
	$(SETUP) --only venv --only sam --only ministack --only engine
	@$(BIN)/python -m call_lake_cli.demo

deploy: ## deploy to the AWS account of your credentials, or upgrade there (options: ARGS="--set Key=Value")
	$(SETUP) --only venv --only sam
	@$(BIN)/call-lake deploy $(ARGS)

test: setup lint scan test-fast test-integration test-e2e ## everything that CI checks

setup: ## make the environments (.venv, .tools) that are missing or out of date
	$(SETUP)

lint: ## ruff and mypy
	$(SETUP) --only venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

scan: ## bandit over the code, checkov over the template (cfn-lint is among the tests)
	$(SETUP) --only checks
	.tools/checks/bin/bandit --quiet --configfile pyproject.toml --recursive shared functions cli local
	@# checkov leaves out what a condition leaves out by default, like transcription: it gets the template without them.
	sed '/^    Condition: Laptop$$/!{/^    Condition: /d;}' template.yaml > .tools/scanned.yaml
	.tools/checks/bin/checkov --config-file .checkov.yaml

audit: ## known vulnerabilities of what is locked; asks the Python Package Index, so it is no part of `make test`
	$(SETUP) --only checks
	.tools/checks/bin/pip-audit --strict --disable-pip --require-hashes $(addprefix -r ,$(AUDITED))

format: ## rewrite the code as `make lint` wants it
	$(SETUP) --only venv
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test-fast: ## all tests that need no local stack: unit, contract, crash
	$(SETUP) --only venv
	$(BIN)/pytest -n 2 -m 'not integration and not e2e and not installed'

test-integration: setup ## the tests that run on the local stack
	$(BIN)/pytest -n 2 -m integration tests/integration tests/contract

test-e2e: setup ## the tests that type what a person types
	$(BIN)/pytest -n 2 --dist loadscope -m e2e tests/e2e

try-installed: ## install the command outside the repository, and run a local stack with it
	$(SETUP) --only venv
	$(BIN)/pytest -m installed tests/installed

mutations: ## take the rules of correctness out of the code, one by one: a test has to fail each time
	$(SETUP) --only venv --only ministack
	$(BIN)/python -m tests.mutations

screens: ## write what each command prints again (tests/unit/cli/screens); look at the difference
	$(SETUP) --only venv
	CALL_LAKE_WRITE_SCREENS=1 $(BIN)/pytest -q tests/unit/cli/test_screens.py

queries: ## write docs/queries into the template as named queries
	$(SETUP) --only venv
	$(BIN)/python -m call_lake_local.named_queries

sources: ## write the template's sources again, after a change of source_block.yaml
	$(SETUP) --only venv
	$(BIN)/python -m call_lake_cli.commands.source

bench-import: ## time the functions' imports as they are deployed; writes bench/RESULTS.md
	$(SETUP) --only venv --only sam
	$(BIN)/python -m bench.imports --write

torture: ## write, merge, erase, collect and read the lake for a minute, all at once, and count what is wrong
	$(SETUP) --only venv --only ministack
	$(BIN)/python -m tests.torture

trino: ## let Trino, the engine of Athena, read what the local stack stored; needs Java 24 or later and Maven
	$(SETUP) --only venv --only sam --only ministack
	@$(BIN)/python -m tests.trino $(ARGS)

bench-copy: ## copy recordings beside boto3, smart_open, rclone and curl with aws; writes bench/RESULTS.md
	$(SETUP) --only venv
	$(BIN)/python -m bench.copy --write

bench-poll: ## list 20,000 simulated recordings beside dlt, singer-sdk and airbyte-cdk; writes bench/RESULTS.md
	$(SETUP) --only venv
	$(BIN)/python -m bench.poll --write

bench-compact: ## merge increments into a lake beside pyarrow, DuckDB, Polars, Delta, Iceberg; writes bench/RESULTS.md
	$(SETUP) --only venv
	$(BIN)/python -m bench.compact --write

bench-cloud: ## time copier, poll and compactor over requests that take AWS's time; writes bench/RESULTS.md
	$(SETUP) --only venv
	$(BIN)/python -m bench.cloud --write

bench-scale: ## compare one year of calls with ten: requests, time, memory; writes bench/RESULTS.md
	$(SETUP) --only venv
	$(BIN)/python -m bench.scale --write

cost: ## count the AWS calls of a recording and write docs/cost.md from docs/prices.json
	$(SETUP) --only venv
	$(BIN)/python -m bench.cost --write

rights: ## note what the functions ask of AWS and write the table of their rights into docs/security.md
	$(SETUP) --only venv
	$(BIN)/python -m tests.rights

upgrade-base: ## keep template, names and data of a version that is released (VERSION=0.2.0), in tests/upgrade
	$(SETUP) --only venv
	PYTHONPATH=.:shared:cli:local:docs/examples/engine $(BIN)/python -m tests.upgrade.capture $(VERSION)

lock: ## move requirements to their newest versions and hash them
	$(SETUP) --lock

clean: ## stop the local stack and remove what the other targets made
	-@if [ -f .call-lake/local.json ]; then $(BIN)/call-lake local down; fi
	rm -rf .venv .tools .aws-sam .call-lake .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
