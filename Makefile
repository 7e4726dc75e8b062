# Everything runs from a virtual environment inside the checkout; nothing is needed before but Python 3.11 or newer.
#   make demo    the article, end to end, on real files        make check   lint, types, imports, quick tests
#   make serve   the server on http://127.0.0.1:4566           make test    lint, types, imports, every test
#   make bench   the measurements of benchmarks/               make docs    write the generated pages of docs/
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
ROWS ?= 1000000
ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --editable

.DEFAULT_GOAL := help
.PHONY: help demo serve test check lint format docs bench clean

help:
	@sed -n '2,4s/^#   //p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "steppe needs Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# Two stamps: the demo and the server need half of what the tests need, and start in half the time.
.venv/.installed: pyproject.toml | $(BIN)/python
	$(PIP) .
	@touch $@

.venv/.installed-dev: pyproject.toml | $(BIN)/python
	$(PIP) '.[dev]'
	@touch .venv/.installed $@

# Clients that need older versions of what we need: a virtual environment of their own, for the tests that run them.
CLIENTS := tests/e2e/clients/requirements.txt
.venv/.installed-clients: $(CLIENTS) | $(BIN)/python
	$(BIN)/python -m venv .venv/clients
	.venv/clients/bin/python -m pip --disable-pip-version-check install --quiet --requirement $(CLIENTS)
	@touch $@

demo: .venv/.installed
	$(BIN)/steppe demo $(ARGS)

serve: .venv/.installed
	$(BIN)/steppe serve $(ARGS)

# The pure ring runs with coverage, which must be complete; all else runs without, at full speed.
PURE := base expr asl interp
PURE_TESTS := $(PURE:%=tests/%) tests/sim
COVERED := $(PURE:%=--cov=steppe.%) --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

# With ARGS some tests are chosen: then there is no coverage to ask for, and one of the two may find none of them (5).
CHOSEN := $(if $(ARGS),$(ARGS) || test $$? -eq 5)

test: lint .venv/.installed-clients
	$(BIN)/pytest -n $(JOBS) $(PURE_TESTS) $(if $(ARGS),,$(COVERED)) $(CHOSEN)
	$(BIN)/pytest -n $(JOBS) tests $(PURE_TESTS:%=--ignore=%) $(CHOSEN)

check: lint
	$(BIN)/pytest -n $(JOBS) -m "not slow and not e2e" $(ARGS)

lint: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/.installed-dev
	$(BIN)/python docs/generate.py

bench: .venv/.installed-dev
	$(BIN)/python benchmarks/distributed_map.py --rows $(ROWS)
	$(BIN)/python benchmarks/article_copy.py
	$(BIN)/python benchmarks/state_transitions.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
