# make serve   set up what is needed, start 오로라 and print the address to open
# make test    set up what is needed and run all tests
# make lint    ruff and mypy
# make bench   the published figures, measured on this machine
#
# ARGS go to the server:       make serve ARGS="--port 9000"
# PIP_ARGS go to pip:          an index with smaller builds of PyTorch, for instance

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
ARGS ?=
PIP_ARGS ?=
PIP := $(RUN) -m pip --disable-pip-version-check install --quiet --constraint constraints.txt $(PIP_ARGS)

.PHONY: serve test lint bench clean

serve: $(VENV)/.serve
	@$(RUN) -m server $(ARGS)

test: $(VENV)/.dev
	$(RUN) -m pytest $(ARGS)

lint: $(VENV)/.dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(VENV)/.dev
	$(RUN) -m benchmarks.chat $(ARGS)
	$(RUN) -m benchmarks.generation $(ARGS)
	$(RUN) -m benchmarks.face $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "error: $(PYTHON) is older than 3.11; name a newer one: make serve PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "error: no virtual environment could be made; on Debian: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.serve: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing what 오로라 needs (once; a few minutes) …"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing what the tests need (once; a few minutes) …"
	@$(PIP) --editable ".[dev]"
	@touch $@ $(VENV)/.serve

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
