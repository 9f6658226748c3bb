# A fresh clone needs nothing but make and Python: each target makes the environment it runs in.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What twistd finds in a plugin directory is hidden by setuptools' default editable install.
INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --config-settings editable_mode=compat

FUZZ_SECONDS ?= 100

.PHONY: help demo test interop-full fuzz corpus lint types docs news rows soak bench clean distclean

help:
	@echo "make demo       two servers on this machine, ten domains each, exchange messages over TLS"
	@echo "make test       unit tests with coverage gates, then tests against the servers installed"
	@echo "make interop-full  every situation with every other server, which takes most of an hour"
	@echo "make fuzz       whatever peers send (framing to authenticators) with made-up input, FUZZ_SECONDS=$(FUZZ_SECONDS) each"
	@echo "make corpus     keep what make fuzz has found, as little as leads everywhere, for make test"
	@echo "make lint       style and format"
	@echo "make types      static types"
	@echo "make docs       the documentation, in build/doc/index.html"
	@echo "make news       the names of the news fragments, and what a release would say"
	@echo "make rows       renew tests/coverage.md: which tests cover which rule of which standard"
	@echo "make soak       10,000 half-open connections, twice: does anything of them stay behind?"
	@echo "make bench      muxs2s beside Prosody and ejabberd, in build/bench.json; CASES=fanout,... runs a part"
	@echo "make clean      remove what was built; make distclean: the environment too"

demo: $(VENV)/for-running
	$(BIN)/muxs2s demo

test: $(VENV)/for-testing
	@$(BIN)/python .ci/run_tests.py

fuzz: $(VENV)/for-fuzzing
	@$(BIN)/python -m tests.fuzz.run $(FUZZ_SECONDS)

corpus: $(VENV)/for-fuzzing
	@$(BIN)/python -m tests.fuzz.run keep

interop-full: $(VENV)/for-testing
	@MUXS2S_REQUIRE_SERVERS=1 $(BIN)/python .ci/run_tests.py interop-full

lint: $(VENV)/for-developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/for-developing
	$(BIN)/mypy

docs: $(VENV)/for-developing
	$(BIN)/sphinx-build -W --keep-going -q -b html -d build/doctrees doc build/doc
	@echo "the documentation is in build/doc/index.html"

news: $(VENV)/for-developing
	@$(BIN)/python .ci/news.py

rows: $(VENV)/for-testing
	$(BIN)/python -m tests.make_coverage

soak: $(VENV)/for-testing
	$(BIN)/python -m tests.soak.half_open

bench: $(VENV)/for-running
	@$(BIN)/python -m bench --cases "$(CASES)" $(OPTIONS)

clean:
	rm -rf build dist doc/_build _trial_temp* .coverage* .hypothesis .mypy_cache .ruff_cache *.egg-info
	rm -f twisted/plugins/dropin.cache
	find muxs2s tests bench twisted doc .ci -name __pycache__ -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) .tox

$(VENV)/for-running: EXTRAS :=
$(VENV)/for-testing: EXTRAS := [test]
$(VENV)/for-fuzzing: EXTRAS := [test,fuzz]
$(VENV)/for-developing: EXTRAS := [test,dev]

$(VENV)/for-running $(VENV)/for-testing $(VENV)/for-fuzzing $(VENV)/for-developing: setup.cfg pyproject.toml | $(BIN)/python
	@echo "installing muxs2s$(EXTRAS) into $(VENV), once"
	@$(INSTALL) --editable '.$(EXTRAS)' || { \
	    echo "the installation failed: pip needs a package index it can reach (see its message above)" >&2; exit 1; }
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "$(PYTHON) is missing: install Python 3.11 or later, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is too old ($$($(PYTHON) --version 2>&1)): muxs2s needs Python 3.11 or later;" \
	        "name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make an environment; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
