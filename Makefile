.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pdftoppm draws the reference pages that tests and benchmarks compare with.
APT_PACKAGES := poppler-utils

help: ## Show this list
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

$(VENV)/core: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --progress-bar off -e .
	touch $@

# Newer pip reads dependency groups itself; this reads them with any pip.
$(VENV)/dev: $(VENV)/core
	$(BIN)/pip install --quiet --progress-bar off $$($(BIN)/python tests/dev_requirements.py)
	touch $@

apt: ## Install the system packages that the tests use (Debian)
	@command -v pdftoppm >/dev/null || { apt-get update -qq && apt-get install -y -qq $(APT_PACKAGES); } \
		|| sudo apt-get install -y $(APT_PACKAGES) \
		|| echo "install $(APT_PACKAGES) yourself: tests that need it are skipped"

demo: $(VENV)/core ## Plant facts in a long document and let the embedded reader find them
	$(BIN)/glyph demo

test: $(VENV)/dev apt ## Run the tests that need neither GPU nor network
	$(BIN)/python -m pytest -m "not slow and not gpu and not server"

test-slow: $(VENV)/dev apt ## Run the slow tests too
	$(BIN)/python -m pytest -m "not gpu and not server"

lint: $(VENV)/dev ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev ## Rewrite files in style
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

type: $(VENV)/dev ## Check types
	$(BIN)/mypy

bench: $(VENV)/dev apt ## Time the renderer beside the reference pipeline and a floor in C
	$(BIN)/python -m tests.benchmarks.render_bench

all: format lint type test ## Everything before a commit

.PHONY: help apt demo test test-slow lint format type bench all
