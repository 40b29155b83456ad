# Five commands: demo, dev, test, check, bench. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STOCKSTRATA_HOME ?= $(CURDIR)/home
export STOCKSTRATA_HOME

.PHONY: demo dev test check bench install docs

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else 'Python 3.11 to 3.13 is needed, this is ' + sys.version.split()[0] + '; name another one with make PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m stockstrata.simulation.prepare
	touch $@

demo: install
	$(BIN)/stockstrata sample --size demo
	$(BIN)/stockstrata run sources/sample --last 3

dev: install
	$(BIN)/stockstrata dev

test: install
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(MAKE) test

bench: install
	$(BIN)/python benchmarks/run.py

docs: install
	$(BIN)/python -m orchestration.documentation
