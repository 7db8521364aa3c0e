# People, continuous integration and pre-commit all come through here. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV := .venv
PYTHONS := python3.11 python3.12 python3.13 python3
PORT ?= 3000
PYTEST_ARGS ?=

# DVC runs stages as `python -m ...`: the environment's python must be the first one its children find.
# By hand, `source .venv/bin/activate` does the same.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export BENTOML_DO_NOT_TRACK := True

# The locks hold wheels for Linux only: elsewhere their markers would install nothing, silently.
FITS := import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and sys.platform == "linux"))

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# ---- environment ------------------------------------------------------------------------------------------

.PHONY: install install-dev lock
install: $(VENV)/installed ## Environment of the pipeline in .venv, from requirements.lock
install-dev: $(VENV)/installed-dev ## The same and the tools for tests and checks

# $(call install_lock,FILE): install the pins of FILE, every hash checked, byte-compiled (without byte code
# TensorFlow takes three times as long to start; pip compiles unasked). What made .venv fills it: uv and pip read
# different settings, and only one of them may know how to reach the registry from here.
define install_lock
	@$(VENV)/bin/python -c '$(FITS)' || { \
	  echo "The Python in $(VENV) does not run or is not 3.11 to 3.13: rm -rf $(VENV), then make again." >&2; exit 1; }
	@echo "Installing $(1) into $(VENV)"
	@if grep -q '^uv = ' $(VENV)/pyvenv.cfg; then \
	  uv pip install --python $(VENV)/bin/python --require-hashes --compile-bytecode -r $(1); \
	else \
	  $(VENV)/bin/python -m pip install --disable-pip-version-check --require-hashes -r $(1); \
	fi
endef

$(VENV)/installed: requirements.lock | $(VENV)/pyvenv.cfg
	$(call install_lock,$<)
	@touch $@

# A superset of requirements.lock: whoever has these has those.
$(VENV)/installed-dev: requirements-dev.lock requirements.lock | $(VENV)/pyvenv.cfg
	$(call install_lock,$<)
	@touch $(VENV)/installed $@

# A name on PATH proves nothing (a version manager's may not run; Debian's python may lack ensurepip): try each.
$(VENV)/pyvenv.cfg:
	@uv=$$(command -v uv || true); \
	for python in $(PYTHONS); do \
	  if $$python -c '$(FITS)' >/dev/null 2>&1 && { test -n "$$uv" || $$python -c 'import ensurepip, venv' >/dev/null 2>&1; }; then \
	    found=$$(command -v $$python); break; \
	  fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
	  echo "Marquee needs Python 3.11, 3.12 or 3.13 with its venv module, on Linux." >&2; \
	  echo "None of $(PYTHONS) on PATH is one. On Debian: apt install python3 python3-venv" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$found ($$($$found --version))"; \
	if [ -n "$$uv" ]; then uv venv --quiet --allow-existing --python "$$found" $(VENV); else $$found -m venv --clear $(VENV); fi \
	  || { rm -rf $(VENV); exit 1; }

lock: install-dev ## Resolve pyproject.toml anew into requirements.lock and requirements-dev.lock
	uv lock
	uv export --quiet --no-emit-project --no-dev --format requirements-txt --no-header -o requirements.lock
	uv export --quiet --no-emit-project --format requirements-txt --no-header -o requirements-dev.lock

# ---- pipeline ---------------------------------------------------------------------------------------------

.PHONY: repro serve measure bench
repro: install ## The whole pipeline: whatever changed since the last run
	dvc repro

serve: install ## The recommender on http://localhost:3000 (PORT=...)
	@test -d models/bundle || { echo "models/bundle is missing: run make repro first." >&2; exit 1; }
	bentoml serve --port $(PORT)

measure: install-dev ## Latency, throughput and durations on this machine, and the peers (benchmarks/)
	dvc repro benchmarks/dvc.yaml

bench: measure ## The same as measure

# ---- code -------------------------------------------------------------------------------------------------

.PHONY: test check clean
test: install-dev ## The test suite (PYTEST_ARGS="tests/data -k splits")
	python -m pytest -n 2 $(PYTEST_ARGS)

check: install-dev ## Lint, format, types, and whether the locks match pyproject.toml
	ruff check
	ruff format --check
	mypy
	python -m pytest tests/test_lock.py

clean: ## Remove caches and logs; .venv, DVC's outputs and DVC's cache stay
	rm -rf logs site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find stages tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
