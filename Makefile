# `make demo` and `make test` each do all their own set-up. On a fresh machine they need Python 3.11
# or newer with venv; everything else is installed here.

PYTHON ?= python3
ARGS ?=
# One worker has the browser, the others take a file of tests at a time (tests/conftest.py). WORKERS=
# runs all in one process, as debuggers like it.
WORKERS ?= -n 2 --dist loadscope --no-loadscope-reorder
# Each worker compiles all tests and the engine with its checks of shapes, unless that is kept.
export PYTHONDONTWRITEBYTECODE =
VENV := .venv
BIN := $(VENV)/bin

# Debian packages. Without them the studio still runs: the first set is for Polyscope and Open3D,
# the second for the browser tests.
RENDERING := libegl1 libgl1 libgl1-mesa-dri libx11-6 libgbm1 libusb-1.0-0 libgomp1
BROWSER := chromium fonts-dejavu-core

.PHONY: setup demo test test-slow check fmt bench fuzz clean

setup: $(VENV)/.installed $(VENV)/.rendering

demo: setup
	$(BIN)/pointins demo $(ARGS)

test: setup $(VENV)/.browser
	$(BIN)/python -m pytest $(WORKERS) -m "not slow and not gpu" $(ARGS)

test-slow: setup $(VENV)/.browser
	$(BIN)/python -m pytest $(WORKERS) $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

fmt: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup $(VENV)/.browser
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: setup
	$(BIN)/python -m tests.fuzz_readers $(ARGS)

clean:
	rm -rf $(VENV) *.egg-info .pytest_cache .ruff_cache .import_linter_cache test-output

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/.rendering: $(VENV)/.installed
	@sh install-packages.sh "pictures by Polyscope and Open3D" $(RENDERING)
	@touch $@

$(VENV)/.browser: $(VENV)/.installed
	@sh install-packages.sh "browser tests" $(BROWSER)
	@touch $@
