# Daftar. `make help` lists what there is. Needs Python 3.11 or newer, make and git; nothing else.

HOST ?= 127.0.0.1
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# The newest Python that there is, from 3.11 on; `make PYTHON=/path/to/python3.12 install` takes another.
# It is looked for when it is needed, and once.
PYTHON ?= $(eval PYTHON := $(shell for name in python3.14 python3.13 python3.12 python3.11 python3 python; do \
  "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11) or sys.version_info >= (3, 15))' 2>/dev/null \
  && { echo "$$name"; break; }; done))$(PYTHON)
# Two at a time, each with its own PostgreSQL and NATS; a file's tests stay together because they share what is dear to make
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP_RUN := $(VENV)/.installed-run
STAMP_DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help install serve test check soak bench lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

install: $(STAMP_RUN) $(STAMP_DEV) ## Create .venv with the locked dependencies, for running and for developing

serve: $(STAMP_RUN) ## Run Daftar with the demo company (PORT=8000, HOST=127.0.0.1)
	@exec $(BIN)/daftar serve --demo --with-parent --host $(HOST) --port $(PORT)

test: $(STAMP_RUN) $(STAMP_DEV) ## Run all tests (ARGS="-k name" for some)
	@$(PYTEST) $(ARGS)

check: $(STAMP_RUN) $(STAMP_DEV) ## What CI runs: lint, format, types, layers, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) $(ARGS)

soak: $(STAMP_RUN) $(STAMP_DEV) ## Try the properties of the ledger 30 times as hard, with new examples (SOAK=100 for more)
	@DAFTAR_SOAK=$(or $(SOAK),30) $(BIN)/python -m pytest tests/properties $(ARGS)

bench: $(STAMP_RUN) $(STAMP_DEV) ## Measure, side by side with the references
	@$(BIN)/daftar bench $(ARGS)

lock: $(STAMP_RUN) ## Write the lock files anew from pyproject.toml (UPGRADE=--upgrade for the newest versions)
	@$(PIP) install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command 'make lock' $(UPGRADE) --extra otel --extra ofx --extra build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command 'make lock' $(UPGRADE) --extra otel --extra ofx --extra build --extra dev -c requirements.lock \
	  pyproject.toml -o requirements-dev.lock

clean: ## Remove .venv and caches; the data in .daftar stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.daftar/*' -prune -exec rm -rf {} +

# A stamp is written last, so that an installation that was interrupted is done again.
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo 'error: no suitable Python found: Daftar needs Python 3.11 or newer with its venv module' \
	  '(on Debian and Ubuntu: apt install python3 python3-venv).' \
	  'If one is installed elsewhere: make PYTHON=/path/to/python3.12 …' >&2; exit 1; }
	@echo "creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)

$(STAMP_RUN): requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing the locked dependencies"
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMP_DEV): requirements-dev.lock | $(STAMP_RUN)
	@echo "installing the locked tools for developing"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@
