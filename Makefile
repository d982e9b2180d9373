# Bridgework. `make` alone lists what there is; `make demo` and `make test` do everything.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXPORT ?=
LOG ?= embedded
ROWS ?= 20000 200000
SNAPSHOT_ROWS ?= 5000000
AUDIT_ROWS ?= 1000000
export UV_PYTHON_DOWNLOADS := never

MEMBERS := $(sort $(wildcard libs/*/pyproject.toml services/*/pyproject.toml))

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

# ---- installing ---------------------------------------------------------------------------------
$(STAMP): requirements.lock pyproject.toml $(MEMBERS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/python -m ensurepip --upgrade > /dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(foreach m,$(MEMBERS),-e $(dir $(m)))
	touch $(STAMP)

.PHONY: setup lock
setup: $(STAMP) ## Install everything into .venv from the hash-pinned lock
lock: ## Resolve dependencies again and write requirements.lock (hashes, no addresses)
	uv lock --quiet
	uv export --quiet --all-packages --all-groups --no-emit-workspace --no-header --format requirements-txt > requirements.lock

# ---- the main job -------------------------------------------------------------------------------
.PHONY: demo up sandbox
demo: $(STAMP) ## Move a practice end to end (EXPORT=folder-zip-or-database, LOG=embedded|kafka)
	$(BIN)/bridgework demo --log $(LOG) $(if $(EXPORT),--export "$(EXPORT)")
up: $(STAMP) ## All services in one process over embedded PostgreSQL
	$(BIN)/bridgework up
sandbox: $(STAMP) ## A local Zoho CRM on port 8085
	$(BIN)/bridgework sandbox

# ---- checking -----------------------------------------------------------------------------------
.PHONY: check lint type fmt
check: lint type ## Everything that needs no server: format, lint, layers, types
lint: $(STAMP) ## ruff and import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
type: $(STAMP) ## mypy --strict on sources and tests
	$(BIN)/mypy libs services tests
fmt: $(STAMP) ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: test test-unit test-contract test-integration test-e2e
test: $(STAMP) ## All tests, on real PostgreSQL and real Kafka (both started here)
	REQUIRE_KAFKA=1 $(BIN)/pytest
test-unit: $(STAMP) ## Tests beside the packages
	$(BIN)/pytest libs services
test-contract: $(STAMP) ## Contract suites
	$(BIN)/pytest tests/contract
test-integration: $(STAMP) ## Adapters against real servers
	$(BIN)/pytest tests/integration
test-e2e: $(STAMP) ## Whole stories, both logs
	REQUIRE_KAFKA=1 $(BIN)/pytest tests/e2e

# ---- measuring ----------------------------------------------------------------------------------
.PHONY: bench bench-source
bench: $(STAMP) ## records/s, p95, peak memory, ratio to limits (ROWS, SNAPSHOT_ROWS, AUDIT_ROWS)
	$(BIN)/python tests/load/bench.py $(ROWS)
	$(BIN)/python tests/load/bench_snapshot.py $(SNAPSHOT_ROWS)
	$(BIN)/python tests/load/bench_audit.py $(AUDIT_ROWS)
bench-source: $(STAMP) ## Recall and precision of every defect class, recall parser, readers
	$(BIN)/python tests/load/bench_source.py
