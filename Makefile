# Crondesk's tasks. Everything they install goes into .venv, but for a browser for the tests.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

# Tests side by side: one on each core, and whoever is done takes over from the others.
TOGETHER := -n auto --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run test test-all check format translations-check hooks screenshots bench clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## start dashboard, REST API and worker (PORT=8600 DATA_DIR=/elsewhere make run)
	@$(PY) -m scripts.run

test: check ## run the checks and the tests that every change must pass
	@CHROMIUM="$$($(PY) scripts/chromium.py)" && export CHROMIUM && $(PY) -m pytest $(TOGETHER) -m "not release"

test-all: check ## run the checks and the whole test suite, as before a release
	@CHROMIUM="$$($(PY) scripts/chromium.py)" && export CHROMIUM && $(PY) -m pytest $(TOGETHER)

check: $(VENV)/.installed-dev ## lint, formatting, types, directions of imports, translations
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo
	@$(MAKE) --no-print-directory translations-check

translations-check: $(VENV)/.installed-dev ## see whether every translation is complete
	@$(PY) scripts/check_translations.py

format: $(VENV)/.installed-dev ## format the code, and repair what the linter can
	$(PY) -m ruff check --fix-only
	$(PY) -m ruff format

hooks: $(VENV)/.installed-dev ## check before every commit
	$(PY) -m pre_commit install

screenshots: $(VENV)/.installed-dev ## take the pictures of the documentation anew
	@CHROMIUM="$$($(PY) scripts/chromium.py)" && export CHROMIUM && $(PY) -m scripts.screenshots

bench: $(VENV)/.installed-dev ## measure how fast and how punctual it is on this machine
	@CHROMIUM="$$($(PY) scripts/chromium.py)" && export CHROMIUM && $(PY) -m benchmarks

clean: ## remove .venv and the caches; .data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Each stamp is newer than what was installed from; a changed requirements file is installed anew.

$(PY):
	@scripts/create_venv.sh $(VENV)

$(VENV)/.installed: requirements.txt $(PY)
	@echo "Installing what Crondesk runs on into $(VENV): about a minute the first time …"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what its tests and checks need into $(VENV) …"
	@$(PIP) -r requirements-dev.txt
	@touch $@
