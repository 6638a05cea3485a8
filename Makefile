# The README names two of these: make run, make test.
VENV   := .venv
PYTHON ?= python3
BIN    := $(VENV)/bin

.PHONY: run test lint docs changelog clean

$(VENV)/installed: setup.py pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[pretty]'
	$(BIN)/twistd --help >/dev/null        # warms Twisted's plugin cache
	touch $@

$(VENV)/developer: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

run: $(VENV)/installed
	$(BIN)/twistd -n --pidfile= netdemo

test: $(VENV)/developer
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

lint: $(VENV)/developer
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/developer
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

changelog: $(VENV)/developer
	$(BIN)/towncrier build --draft

clean:
	rm -rf $(VENV) build dist *.egg-info docs/_build .coverage .mypy_cache .pytest_cache .ruff_cache
