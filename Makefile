# The chores, each with one name. `make demo` and `make test` do all the set-up themselves; they need Python 3.11 or newer and nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
ARGS   ?=
JOBS   ?= 3
NEIGHBOURS ?= $(HOME)/.cache/understudy-neighbours
TOOLS  := prometheus prometheus-alertmanager nginx chromium

.PHONY: demo test check bench science neighbours run requirements clean help

help:            ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*##/\t/'

demo: $(VENV)/ready-run     ## a scripted incumbent and candidate, the whole pipeline, a first table: make demo ARGS="--seconds 20"
	@$(BIN)/understudy demo $(ARGS)

run: $(VENV)/ready-run      ## serve with ./understudy.toml
	@$(BIN)/understudy serve $(ARGS)

test: $(VENV)/ready-test    ## every test, speed apart
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: $(VENV)/ready-test   ## style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright

bench: $(VENV)/ready-test   ## what it costs, as ratios in one run
	@for each in tests/bench/bench_*.py; do echo "== $$each"; $(BIN)/python $$each || exit 1; done

science: $(VENV)/ready-test ## what the statistics promise, in full campaigns beside the expected figures (minutes): make science ARGS="M1 E2"
	@$(BIN)/python -m tests.science.stats $(ARGS)

neighbours: $(VENV)/ready-test ## a real LiteLLM (750 MB, installed once beside the project, in NEIGHBOURS) and nginx, before us and behind us
	@test -f $(NEIGHBOURS)/ready || { echo "making $(NEIGHBOURS) (once) ..."; $(PYTHON) -m venv $(NEIGHBOURS) \
	 && $(NEIGHBOURS)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements/neighbours.txt \
	 && touch $(NEIGHBOURS)/ready; }
	@UNDERSTUDY_NEIGHBOURS=$(NEIGHBOURS) $(BIN)/python -m pytest tests/neighbours $(ARGS)

requirements: $(VENV)/ready-run  ## compile the pinned requirements anew (needs uv)
	uv pip compile -q pyproject.toml --universal --generate-hashes --no-header --upgrade -o requirements/run.txt
	uv pip compile -q pyproject.toml --universal --extra dev --generate-hashes --no-header -c requirements/run.txt -o requirements/test.txt
	uv pip compile -q pyproject.toml --universal --extra lake --generate-hashes --no-header -c requirements/run.txt -o requirements/lake.txt
	uv pip compile -q pyproject.toml --universal --extra report --generate-hashes --no-header -c requirements/run.txt -o requirements/report.txt
	uv pip compile -q pyproject.toml --universal --extra text --generate-hashes --no-header -c requirements/run.txt -o requirements/text.txt
	uv pip compile -q pyproject.toml --universal --extra presidio --generate-hashes --no-header -c requirements/run.txt -o requirements/presidio.txt
	echo 'litellm[proxy]==1.106.2' | uv pip compile -q - --universal --python-version 3.11 --generate-hashes --no-header -o requirements/neighbours.txt
	printf 'hatchling\neditables\n' | uv pip compile -q - --universal --python-version 3.11 --generate-hashes --no-header -o requirements/build.txt

clean:           ## forget the environment
	rm -rf $(VENV)

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Understudy needs Python 3.11 or newer; name one with PYTHON=python3.x")'
	@echo "making $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV) && touch $@

$(VENV)/ready-run: $(VENV)/made requirements/run.txt requirements/build.txt pyproject.toml
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/ready-test: $(VENV)/ready-run requirements/test.txt tests/clients/package-lock.json
	@$(PIP) install --require-hashes -r requirements/test.txt
	@if command -v npm >/dev/null; then cd tests/clients && npm ci --ignore-scripts --no-audit --no-fund --silent; \
	 else echo "no npm here: the tests of the Node clients will skip"; fi
	@missing=; for each in $(TOOLS); do command -v $$each >/dev/null || missing="$$missing $$each"; done; \
	 if [ -z "$$missing" ]; then :; \
	 elif [ "$$CI" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	   (apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing) >/dev/null 2>&1 || echo "could not install$$missing: their tests will skip"; \
	 else echo "not here, their tests will skip (Debian packages):$$missing"; fi
	@touch $@
