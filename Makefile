# Everything starts from python3 (3.11 or newer) and make alone.
PYTHON ?= python3
BIN := .venv/bin
# Files in their order: those that take longest come first, and the many short ones fill the end evenly. Three at a time
# on two cores, because some wait. The hundreds of processes that the tests start, and the next run, take what is
# compiled from the cache.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: help setup run test accept chaos fuzz properties slow lint format lock bench bench-peers clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

.venv/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Garçom needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@# Once, here: else every process compiles it anew where PYTHONDONTWRITEBYTECODE is set. Templates of code do not compile.
	@$(BIN)/python -m compileall -q -j 0 -x '/tests?/' .venv/lib src >/dev/null 2>&1 || true
	@touch $@

setup: .venv/.ready  ## create .venv with everything in it

run: setup  ## Garçom with a demo model on http://127.0.0.1:8000 (PORT=8001 for another port)
	@$(BIN)/garcom demo $(if $(PORT),--port $(PORT))

test: setup  ## the whole test suite
	$(PYTEST)

accept: setup  ## every model through its engines and every page of the documentation (the suite has half of them)
	GARCOM_LONG_TESTS=1 $(PYTEST) tests/acceptance tests/integration/server/test_hostile_models.py

chaos: setup  ## kills, power cuts, full and failing disks: what becomes of acknowledged predictions (some minutes)
	$(BIN)/python -m tests.chaos

slow: setup  ## 500 slow connections beside a good client, for a minute each server
	$(BIN)/python -m tests.slow_connections

fuzz: setup  ## the whole API asked at random as each role, 20,000 cases (some minutes; SEED=1 for the same again)
	$(BIN)/python -m tests.fuzz $(if $(SEED),--seed $(SEED))

properties: setup  ## the property tests with examples drawn anew, of which the suite draws the same each time
	GARCOM_LONG_TESTS=1 $(PYTEST) -m hypothesis tests/unit

lint: setup  ## format and lint rules, types, import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup  ## rewrite the files in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## write requirements.txt anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 \
		--all-extras --group dev pyproject.toml -o requirements.txt

bench: setup  ## the published comparison, as a Markdown table
	$(BIN)/python -m bench

bench-peers: setup  ## install the peers, each into its own environment
	$(BIN)/python -m bench.peers

clean:  ## remove what setup made
	rm -rf .venv .demo
