# `make` lists the targets. `make quickstart` and `make test` work independently on a new machine:
# they need Python 3.11 or later, make and a package registry.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QUICK := quickstart

.DEFAULT_GOAL := help
.PHONY: help install quickstart test check docs bench format clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt constraints.txt pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/developing: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

install: $(VENV)/installed  ## install into .venv

quickstart: $(VENV)/installed  ## install, call famous proteins, train the tiny caller, draw GO subgraphs
	$(BIN)/python examples/quickstart.py

test: $(VENV)/developing  ## run the tests, two files at a time
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/developing  ## check format, lint, types and imports, and run the tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadfile

docs: $(VENV)/developing  ## build the documentation as a site, in site/
	$(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/developing  ## run quick versions of the benchmarks; see benchmarks/README.md for the full ones
	$(BIN)/python benchmarks/inference.py --quick
	$(BIN)/python benchmarks/training.py --quick
	$(BIN)/python benchmarks/startup.py --quick
	$(BIN)/python benchmarks/evaluation.py

format: $(VENV)/developing  ## format the code and apply automatic fixes
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:  ## remove the environment, the site and the output of quickstart
	rm -rf $(VENV) $(QUICK) site
