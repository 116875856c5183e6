# Two commands matter: `make demo` and `make test`. Both set up `.venv` first and need nothing but Python ≥ 3.10.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# The browser tests bring Chromium where there is none; BROWSER=no leaves them out.
BROWSER ?= yes

.PHONY: demo test chromium lint bench format clean

$(VENV)/.ready: pyproject.toml constraints.txt build_corpus.py corpus.lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Autoloop needs Python 3.10 or newer: make PYTHON=python3.12 ...")'
	@echo "Setting up $(VENV) (once, a few minutes) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/autoloop demo demo

lint: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

chromium:
	@if [ "$(BROWSER)" != no ]; then tests/browser/chromium.sh; fi

test: lint chromium
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(if $(filter no,$(BROWSER)),--ignore=tests/browser)

bench: $(VENV)/.ready
	@for script in tests/benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

format: $(VENV)/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .pytest_cache .ruff_cache
