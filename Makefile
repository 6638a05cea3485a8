# The README names two of these: make run, make test. Options for the server:
#     make run ARGS='--echo-tcp tcp:7777'
VENV   := .venv
PYTHON ?= python3
BIN     = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

# The oldest that setup.py promises to work with.
FLOOR  := twisted==24.10.0 zope.interface==6.2 click==8.2.0 wsproto==1.2.0

# As many processes as there are processors; a file's tests stay together, the slowest files first.
PARALLEL := --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: run test test-slow safety soak coverage simulate fuzz fuzz-nightly bench lint docs changelog test-pythons test-floor test-pure test-quick clean

# What is compiled has to be compiled again when it changes: see test-pure.
COMPILED := $(wildcard twisted_net/net/fast/_*.c twisted_net/files/tftp/_*.c)

$(VENV)/installed: setup.py pyproject.toml $(COMPILED)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[pretty]'
	$(BIN)/twistd --help >/dev/null        # warms Twisted's plugin cache
	touch $@

$(VENV)/developer: $(VENV)/installed
	$(INSTALL) --editable '.[dev]'
	touch $@

$(VENV)/tester: setup.py pyproject.toml $(COMPILED)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[test]' $(PINS)
	touch $@

run: $(VENV)/installed
	$(BIN)/twistd -n --pidfile= --reactor=netdemo netdemo $(ARGS)

test: $(VENV)/developer
	$(BIN)/python -m pytest $(PARALLEL) -m 'not slow'

# Large files to every client, installations of every kind, kills in the middle.
test-slow: $(VENV)/developer
	$(BIN)/python -m pytest $(PARALLEL) -m slow tests

# What is promised, R1 to R32, in full size: expected and measured, as a table. Some of it needs root.
safety: $(VENV)/developer
	SAFETY=full $(BIN)/python -m pytest --quiet tests/blackbox/safety

# Mixed load on every door, with faults, for ten minutes: does anything grow? SECONDS=60 for a look.
soak: $(VENV)/developer
	$(BIN)/python -m tests.blackbox.safety.soak $(or $(SECONDS),600) $(SEED)

# The same tests, and which lines they ran: half as long again.
coverage: $(VENV)/developer
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

lint: $(VENV)/developer
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/developer
	$(BIN)/sphinx-build --quiet -W --keep-going -b html docs docs/_build/html

changelog: $(VENV)/developer
	$(BIN)/towncrier build --draft

# What the simulated network promises, measured: SEEDS=200 for a quick look.
simulate: $(VENV)/developer
	$(MAKE) --no-print-directory VENV=.venv-floor PINS='$(FLOOR)' .venv-floor/tester
	$(BIN)/python -m tests.simulated.report

# Fast transports beside Twisted's own, in thousands of random scripts: SEEDS=500 for a quick look.
fuzz: $(VENV)/developer
	$(BIN)/python -m tests.net.fast.fuzz $(or $(SEEDS),5000)

# Every parser's properties (marked fuzz) with 100,000 examples each: EXAMPLES=1000 for a look.
fuzz-nightly: $(VENV)/developer
	EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest $(PARALLEL) -m fuzz --hypothesis-profile=nightly tests

# Figures beside those of other servers: ARGS='--quick --rows tcp-.*', ARGS=--help. uvloop is a
# peer and no dependency: it goes into an environment of its own, or is named as missing.
bench: $(VENV)/installed
	-@$(MAKE) --no-print-directory $(VENV)-bench/installed
	$(BIN)/python -m bench $(ARGS)

$(VENV)-bench/installed:
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check uvloop
	touch $@

# All tests but those that install something or start a server.
test-quick: $(VENV)/tester
	$(BIN)/python -m pytest $(PARALLEL) --quiet -m 'not slow' tests --ignore tests/blackbox

# What uses compiled code, without it: net/fast/compiled.py and ports.py, files/tftp/compiled.py.
test-pure: $(VENV)/developer
	PURE_PYTHON=1 $(BIN)/python -m pytest $(PARALLEL) --quiet -m 'not slow' tests/net tests/echo tests/parity tests/files

# The quick tests on every other Python that is here.
test-pythons:
	set -e; for python in $$(.ci/pythons $(PYTHON)); do \
	    version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "Python $$version"; \
	    $(MAKE) --no-print-directory test-quick PYTHON=$$python VENV=.venv-$$version; \
	done

# The quick tests with the oldest Twisted, zope.interface and click.
test-floor:
	$(MAKE) --no-print-directory test-quick VENV=.venv-floor PINS='$(FLOOR)'

clean:
	rm -rf $(VENV) .venv-* build dist *.egg-info docs/_build .coverage .mypy_cache .pytest_cache .ruff_cache
