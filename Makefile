# Everything runs in a virtual environment of its own, made on first use.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
# Test workers share the cores: one thread each.
TEST := SCIPY_ARRAY_API=1 OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto

.PHONY: help demo test test-all coverage lint format wheel-test docs clean

help:  ## Say what there is to make.
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

$(INSTALLED): pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --constraint .ci/constraints.txt --editable '.[dev]'
	touch $@

demo: $(INSTALLED)  ## Train on tags, find events; SOURCES=folder mixes real recordings.
	$(RUN) examples/demo.py $(if $(SOURCES),--sources '$(SOURCES)')

test: $(INSTALLED)  ## Run the fast tests and all doctests.
	$(TEST) -m 'not slow'

test-all: $(INSTALLED)  ## Run every test, slow ones too.
	$(TEST)

coverage: $(INSTALLED)  ## Run every test and say which lines none of them ran.
	$(TEST) --cov=sklearn_sed --cov-report=term

lint: $(INSTALLED)  ## Check style and types.
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

format: $(INSTALLED)  ## Mend style.
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

wheel-test: $(INSTALLED)  ## Install the wheel into an empty environment and try it.
	$(RUN) tests/wheel_check.py

docs: $(INSTALLED)  ## Build the site: every example is run, every link within it checked.
	$(TEST) sklearn_sed docs/*.rst docs/guide/*.rst docs/contributing/*.rst
	$(RUN) -m sphinx -W --keep-going -b html docs docs/_build/html

clean:  ## Remove what was built.
	rm -rf $(VENV) build dist demo docs/_build docs/auto_examples docs/generated .pytest_cache .ruff_cache .mypy_cache .hypothesis
