# People, continuous integration and pre-commit all come through here. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BENCH := .venv-bench
REMOTES := .venv-remotes
AUDIT := .venv-audit
PYTHONS := python3.11 python3.12 python3.13 python3
PORT ?= 3000
PYTEST_ARGS ?=
AUDIT_ARGS ?=

# DVC runs stages as `python -m ...`: the environment's python must be the first one its children find.
# By hand, `source .venv/bin/activate` does the same.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export BENTOML_DO_NOT_TRACK := True

# The locks hold wheels for Linux only: elsewhere their markers would install nothing, silently.
FITS := import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and sys.platform == "linux"))

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# ---- environment ------------------------------------------------------------------------------------------

.PHONY: install install-dev install-remotes lock
install: $(VENV)/installed ## Environment of the pipeline in .venv, from requirements.lock
install-dev: $(VENV)/installed-dev ## The same and the tools for tests and checks
install-remotes: $(REMOTES)/installed ## DVC for S3, Google Cloud and Azure: .venv-remotes/bin/dvc push (docs/remotes.md)

# $(call install_lock,FILE,ENVIRONMENT): install the pins of FILE, every hash checked, byte-compiled (without byte
# code TensorFlow takes three times as long to start; pip compiles unasked). What made an environment fills it: uv
# and pip read different settings, and only one of them may know how to reach the registry from here.
define install_lock
	@$(2)/bin/python -c '$(FITS)' || { \
	  echo "The Python in $(2) does not run or is not 3.11 to 3.13: rm -rf $(2), then make again." >&2; exit 1; }
	@echo "Installing $(1) into $(2)"
	@if grep -q '^uv = ' $(2)/pyvenv.cfg; then \
	  uv pip install --python $(2)/bin/python --require-hashes --compile-bytecode -r $(1); \
	else \
	  $(2)/bin/python -m pip install --disable-pip-version-check --require-hashes -r $(1); \
	fi
endef

$(VENV)/installed: requirements.lock | $(VENV)/pyvenv.cfg
	$(call install_lock,$<,$(VENV))
	@touch $@

# A superset of requirements.lock: whoever has these has those.
$(VENV)/installed-dev: requirements-dev.lock requirements.lock | $(VENV)/pyvenv.cfg
	$(call install_lock,$<,$(VENV))
	@touch $(VENV)/installed $@

# What `make bench` compares with, what speaks to remotes and what audits stay out of .venv: the product never needs
# them, and S3's client wants an older python-dateutil than requirements.lock has.
ASIDE := $(BENCH) $(REMOTES) $(AUDIT)
$(ASIDE:=/installed): .venv-%/installed: requirements-%.lock | .venv-%/pyvenv.cfg
	$(call install_lock,$<,.venv-$*)
	@touch $@

# The Python of .venv, by the tool that made .venv.
$(ASIDE:=/pyvenv.cfg): .venv-%/pyvenv.cfg: | $(VENV)/pyvenv.cfg
	@if grep -q '^uv = ' $(VENV)/pyvenv.cfg; then \
	  uv venv --quiet --allow-existing --python $(VENV)/bin/python .venv-$*; \
	else $(VENV)/bin/python -m venv --clear .venv-$*; fi || { rm -rf .venv-$*; exit 1; }

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

lock: install-dev ## Resolve pyproject.toml afresh into requirements*.lock (then: make licences)
	uv lock --preview-features package-conflicts
	uv export --quiet --no-emit-project --no-dev --format requirements-txt --no-header -o requirements.lock
	uv export --quiet --no-emit-project --format requirements-txt --no-header -o requirements-dev.lock
	for group in bench remotes audit; do \
	  uv export --quiet --no-emit-project --only-group $$group --format requirements-txt --no-header \
	    -o requirements-$$group.lock; \
	done
	python -m marquee.serving.packaging.service_lock

# ---- pipeline ---------------------------------------------------------------------------------------------

.PHONY: repro serve bento measure bench soak dashboards worlds ablation
repro: install ## The whole pipeline: whatever changed since the last run
	python -m marquee.upkeep.dvc_locks
	python -m marquee.pipeline.lock_file
	dvc repro

serve: install ## The recommender on http://localhost:3000 (PORT=...)
	@test -d models/bundle || { echo "models/bundle is missing: run make repro first." >&2; exit 1; }
	bentoml serve --port $(PORT)

bento: install ## The Bento of models/bundle, as the last stage builds it (where DVC took the bundle from its cache)
	python -m marquee.serving.packaging.bento

measure: repro ## Speed of training, evaluation and serving on this machine (benchmarks/, minutes)
	dvc repro --force benchmarks/dvc.yaml:training_speed benchmarks/dvc.yaml:evaluation_speed benchmarks/dvc.yaml:variant_speed benchmarks/dvc.yaml:serving_speed

bench: measure $(BENCH)/installed ## The same, and the accuracy of other recommenders on the test events
	dvc repro --force benchmarks/dvc.yaml:peers

soak: repro ## Swap bundles and kill workers under traffic: does the service keep its promises? (10 minutes)
	dvc repro --force benchmarks/dvc.yaml:soak

dashboards: repro ## Serve, visit and scrape for ten minutes, and draw the dashboards (Debian's prometheus)
	dvc repro --force benchmarks/dvc.yaml:dashboards

worlds: repro ## Does monitoring find what changes? The sample's people in seven worlds (WORLDS=new_tastes SEEDS=3; minutes)
	python -m benchmarks.worlds

ablation: repro ## What each part of the two-tower is worth, into docs/models.md (18 models, minutes)
	dvc repro --force benchmarks/dvc.yaml:ablation

.PHONY: doctor verify chaos
doctor: install ## What would keep a run from working here: Python, packages, disk, memory, the clone
	python -m marquee.upkeep.doctor

verify: install ## Run the committed pipeline anew in a clone and compare: the same bytes, or what differs and why
	python -m marquee.upkeep.verify

chaos: install-dev ## Kill every stage at random moments, fill the disk: the same bytes after another run? (KILLS=20; hours)
	python -m benchmarks.chaos

# ---- monitoring -------------------------------------------------------------------------------------------

.PHONY: monitor retrain forget replay trace promote rollback compare
monitor: install ## Is the service still good? Collect its events, judge drift and performance (reports/monitor_service)
	python -m monitoring.collect_events
	python -m monitoring.build_reference
	python -m monitoring.monitor_service

retrain: install ## Retrain on newer data, promote only what beats the champion (reports/retrain_bundle)
	python -m monitoring.retrain_bundle

forget: install ## Remove a visitor from what was recorded (VISITOR=...)
	python -m monitoring.forget_visitor -- "$(VISITOR)"

replay: install ## Recompute a past answer and compare (ID=request_id, or LAST=100)
	python -m monitoring.replay_answer $(if $(LAST),--last $(LAST),$(ID))

trace: install ## What made a past answer: bundle, commit, data, code, knobs (ID=request_id)
	python -m monitoring.trace_answer $(ID)

promote: install ## Make models/bundle the champion, and tag its commit (needs dvc.lock committed)
	python -m monitoring.promote_bundle

rollback: install ## Make the champion before this one the champion again
	python -m monitoring.rollback_bundle

compare: install ## Champion and challenger on what visitors did (ARGS="--hours 24")
	python -m monitoring.compare_arms $(ARGS)

# ---- code -------------------------------------------------------------------------------------------------

.PHONY: test fuzz mutants check architecture licences sbom audit clean
test: install-dev ## The test suite (PYTEST_ARGS="tests/data -k splits")
	python -m pytest -n 2 $(PYTEST_ARGS)

fuzz: install-dev ## Damaged archives, odd rows, lists and names against every reader (MINUTES=30)
	end=$$(( $$(date +%s) + $(or $(MINUTES),30) * 60 )); while (( $$(date +%s) < end )); do \
	  FUZZ_TIMES=20 python -m pytest -q -m fuzz --hypothesis-seed=$$RANDOM$$RANDOM tests/data; done

mutants: install-dev ## Bugs put in one at a time: which does no test notice? (MODULES="marquee/... stages/...", minutes)
	python -m tests.mutation $(if $(MODULES),--modules $(MODULES),--sets --modules)

check: install-dev ## Lint, format, types, who imports whom, and whether the locks match pyproject.toml
	ruff check
	ruff format --check
	mypy
	PYTHONPATH=. lint-imports --no-cache
	python -m pytest tests/test_lock.py

architecture: install-dev ## Draw the rooms of marquee/ into docs/architecture.png
	python -m docs.draw_architecture

licences: install-dev ## Every package of requirements.lock and its licence, into docs/licences.md
	python -m marquee.upkeep.licences

SBOM := $(AUDIT)/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-file
sbom: $(AUDIT)/installed ## What the pipeline and a Bento install, as CycloneDX JSON with hashes (sbom/, offline)
	mkdir -p sbom
	PYTHONWARNINGS=ignore::UserWarning $(SBOM) sbom/pipeline.cdx.json requirements.lock
	PYTHONWARNINGS=ignore::UserWarning $(SBOM) sbom/service.cdx.json marquee/serving/packaging/service.lock

# Not in `make check`, which needs no network. A package that the database does not know (behind a mirror, say) counts
# as a failure: pip-audit by itself skips it and says that all is well.
audit: $(AUDIT)/installed ## Known vulnerabilities of what the locks pin (asks PyPI; AUDIT_ARGS="-s osv", or "--ignore-vuln ID")
	@failed=; for lock in requirements*.lock; do \
	  echo "$$lock"; \
	  $(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement $$lock $(AUDIT_ARGS) || failed+=" $$lock"; \
	done; \
	[ -z "$$failed" ] || { echo "Vulnerable, or not to be judged for want of a database:$$failed" >&2; exit 1; }

clean: ## Remove caches and logs; .venv, DVC's outputs and DVC's cache stay
	rm -rf logs site sbom .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find marquee stages monitoring tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
