# Needs Python 3.11 or newer, pip, make and git; everything else goes into .venv.
# WORKERS is how many processes share the tests: they assert nothing on time, so two cores take half as long.
# ARGS goes on to the command behind a target:  make lab ARGS="--no-browser --port 9000"

ARGS ?=
WORKERS ?= 2
PYTHON ?=

BIN := .venv/bin
READY := .venv/.ready
UNFINISHED := .venv/.unfinished

# Jupyter: prefer the kernel in .venv to one of the same name in the home folder. Ask nobody for news or updates.
NEWS := @jupyterlab/apputils-extension:announcements
LAB := JUPYTER_PREFER_ENV_PATH=1 $(BIN)/python -m jupyterlab \
	--LabApp.news_url=None \
	--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
	--LabApp.extension_manager=readonly \
	--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

.DEFAULT_GOAL := help
.PHONY: help lab test lint format bench env clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

lab: $(READY)  ## open JupyterLab on the first notebook
	WORKBENCH_HOME="$${WORKBENCH_HOME:-$(CURDIR)/artifacts}" $(LAB) \
		--ServerApp.root_dir="$(CURDIR)" $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

test: $(READY)  ## run all tests (ARGS="-k name" for some; WORKERS=0: one by one)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: $(READY)  ## check format, style, types and the import contract
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-logo

format: $(READY)  ## put all files into the common format
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

bench: $(READY)  ## measure speed and memory, print a table
	$(BIN)/python -m tests.bench $(ARGS)

env: $(READY)  ## only make .venv

clean:  ## remove what tools left behind (.venv and artifacts/ stay)
	rm -rf build dist *.egg-info .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o -path ./.git -prune -o -type d \
		\( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# READY is the last thing made, so a .venv with it is whole. A run that is killed leaves UNFINISHED behind, and the
# next one starts from nothing; one that fails (no network, say) is taken up where it stopped. A .venv that somebody
# made by hand is kept and brought up to date.
# Debian's Python comes without the part that puts pip into a new environment: then the pip outside does it.
$(READY): pyproject.toml constraints.txt
	@if [ -e $(UNFINISHED) ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		python=; \
		for candidate in "$(PYTHON)" python3.11 python3 python; do \
			if [ -n "$$candidate" ] && "$$candidate" -c \
				'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
			then python=$$candidate; break; fi; \
		done; \
		if [ -z "$$python" ]; then \
			echo "Python 3.11 or newer was not found. Install it, or say where it is: make PYTHON=/path/to/python"; \
			exit 1; \
		fi; \
		echo "Making .venv with $$("$$python" --version)"; \
		rm -rf .venv && mkdir .venv && touch $(UNFINISHED) || exit 1; \
		if "$$python" -c 'import ensurepip' >/dev/null 2>&1; then \
			"$$python" -m venv .venv || exit 1; \
		else \
			"$$python" -m venv --without-pip .venv && \
			"$$python" -m pip --python $(BIN)/python install pip || exit 1; \
		fi; \
	fi
	@rm -f $(READY) && touch $(UNFINISHED)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]' && \
	$(BIN)/jupyter-labextension disable --level=sys_prefix $(NEWS) || { rm -f $(UNFINISHED); exit 1; }
	@rm -f $(UNFINISHED) && touch $(READY)
