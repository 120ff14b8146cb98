# `make help` lists what there is. All of it lives in .venv/ (programs) and var/ (data) of this folder.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup run test bench faults attacks soak servers lint words lock sbom audit clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  make run ONCE=1 ends after the scan; PHOTOS=folder puts your own pictures into the sample marketplace"

setup: .venv/run-installed  ## make .venv/ with everything that Tuskline needs

run: setup  ## start everything on this machine, scan the sample marketplace, show the dashboard's address
	@exec $(BIN)/tuskline run $(if $(ONCE),--once) $(if $(PHOTOS),--photos "$(PHOTOS)")

test: .venv/test-installed servers lint  ## run the whole test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: .venv/test-installed  ## measure speed and scale against the machine's limits (takes long; see bench/README.md)
	$(BIN)/python -m bench $(ARGS)

faults: .venv/test-installed servers  ## the whole fault suite: kills, restarts, full disks, clocks, upgrades
	$(BIN)/python -m pytest tests/faults --full $(ARGS)

attacks: .venv/proof-installed servers  ## the whole attack suite: hostile files and pages, fuzzing, the API
	$(BIN)/python -m pytest tests/attacks --full $(ARGS)

soak: .venv/proof-installed  ## load web and workers together for a while, and watch errors and memory
	$(BIN)/python -m bench.soak $(ARGS)

lint: .venv/test-installed  ## check style, types, layers and rule packs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/tuskline rules check

words: setup  ## bring every text of the code, the pages and the rules into the catalogues of languages
	$(BIN)/python -m webapp.translations.extraction

sbom: .venv/test-installed  ## write the list of all parts (CycloneDX) to tuskline.cdx.json
	$(BIN)/python -m release.sbom > tuskline.cdx.json

audit: .venv/test-installed  ## look up whether a library of the lock files is known to be faulty (needs the network)
	$(BIN)/python -m release.audit requirements/proof.txt

servers:
	@sh tests/install_servers.sh

lock: .venv/test-installed  ## pin the newest versions that pyproject.toml allows (needs the network)
	sh requirements/lock.sh

clean:  ## delete .venv/ (never var/, which holds your data)
	rm -rf .venv

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Tuskline needs Python 3.11, 3.12 or 3.13; give one with make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "This Python can't make environments; on Debian: apt install python3-venv" >&2; exit 1; }
	@touch $@

.venv/run-installed: requirements/run.txt pyproject.toml | .venv/made
	@echo "Installing what Tuskline needs into .venv/ (about 1 GB, once) ..."
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/test-installed: requirements/test.txt .venv/run-installed
	@$(PIP) install --require-hashes -r requirements/test.txt
	@touch $@

.venv/proof-installed: requirements/proof.txt .venv/test-installed
	@$(PIP) install --require-hashes -r requirements/proof.txt
	@touch $@
