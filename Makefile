# Everything runs inside .venv, which the first target that needs it creates.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
INSTALLED := .venv/.installed
WORKERS ?= 2

.PHONY: demo install check lint types test test-long test-ui bench bench-gpu clean

demo: $(INSTALLED)  ## render the demo film and convert it
	$(BIN)/python -m stereo3d.demo --out demo-out

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "stereo3d needs Python >= 3.11: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -c 'open("$(INSTALLED)", "w").close()'

test: $(INSTALLED)  ## the fast tests
	$(BIN)/python -m pytest -q -n $(WORKERS) -m "not long"

test-long: $(INSTALLED)  ## kills, faults, long films: some tens of minutes
	$(BIN)/python -m pytest -q -n $(WORKERS) -m long --timeout 3600

test-ui: $(INSTALLED) .axe/node_modules/axe-core/axe.min.js  ## the page in a real Chromium, with an accessibility checker (needs npm)
	$(BIN)/python -m pytest -q tests/ui --timeout 1200

.axe/node_modules/axe-core/axe.min.js:
	npm install --no-fund --no-audit --prefix .axe axe-core@4.14

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

check: lint types test  ## what CI runs

bench: $(INSTALLED)  ## how fast this machine is
	$(BIN)/stereo3d bench
	$(BIN)/stereo3d bench depth

bench-gpu: $(INSTALLED)  ## all that is to be measured on a CUDA card: FILM=film.mkv, made by tests.bench.gpu_session --make
	$(BIN)/python -m tests.bench.gpu_session $(FILM)

clean:
	rm -rf .venv .axe demo-out .mypy_cache .pytest_cache .ruff_cache build dist
