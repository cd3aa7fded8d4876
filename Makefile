# The front door. `make book` and `make test` need Python 3.11 or newer, make and a network for the first installation.
PYTHON ?= python3
PROFILE ?= quick
JOBS ?= $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
ATLAS := $(BIN)/python -m attention_atlas
export OMP_NUM_THREADS ?= 1
export PYTHONUTF8 = 1

.DEFAULT_GOAL := help
.PHONY: help book execute test serve lint verify scorecard clean distclean

help: ## explain every target
	@echo "Attention Atlas: where transformers look, and why"; echo
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'
	@echo; echo "  PROFILE=smoke|quick|paper  size at which missing results are computed (now: $(PROFILE))"
	@echo "  JOBS=n                     notebooks at a time (now: $(JOBS))"
	@echo "  PYTHON=python3.12          interpreter for the environment (now: $(PYTHON))"
	@echo "  PORT=n                     of make serve (now: $(PORT))"

book: execute ## environment, notebooks, static book at book/_build/html/index.html
	@$(ATLAS) build

execute: $(VENV)/.book ## execute the notebooks for which something has changed
	@$(ATLAS) execute --profile $(PROFILE) --jobs $(JOBS)

test: $(VENV)/.test chromium book ## the same environment plus the test extras, then the whole suite on the built book
	@$(BIN)/python -m pytest -n $(JOBS)

serve: book ## build the book and serve it at http://localhost:PORT
	@echo "http://localhost:$(PORT) (stop with Ctrl-C)"; $(BIN)/python -m http.server $(PORT) --bind localhost --directory book/_build/html

lint: $(VENV)/.test ## style of the Python sources
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

verify: $(VENV)/.book ## recompute a random sample of the stored results
	@$(ATLAS) verify

scorecard: $(VENV)/.book ## the papers' values beside ours
	@$(ATLAS) scorecard --summary

clean: ## remove executed pages and the built book
	rm -rf book/_executed book/_build

distclean: clean ## remove the environment too
	rm -rf $(VENV)

$(VENV)/.book: requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer needed, got " + sys.version.split()[0] + "; allowed: make PYTHON=python3.11 ...")'
	@echo "Installing the book's packages into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.book requirements-test.txt
	@$(PIP) -r requirements-test.txt
	@touch $@

# The browser tests drive Debian's Chromium; where apt-get cannot install it, they say what is missing.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }; } || \
	  echo "The browser tests need Chromium: sudo apt-get install chromium"
