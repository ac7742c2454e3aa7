# The course in two commands: `make lab` and `make test`. Everything is installed into .venv, here.
# Windows, or no make? The README has the same steps for pip and conda.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= auto

# The first Python of 3.10 to 3.12 that really starts; `make lab PYTHON=/path/to/python` chooses another. (A PYTHON
# that only the environment sets is for somebody else.)
SUITS := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))
ifneq ($(origin PYTHON),command line)
PYTHON := $(shell for p in python3.11 python3.12 python3.10 python3 python; do \
	$$p -c '$(SUITS)' 2>/dev/null && echo $$p && break; done)
endif
# An environment knows its own path: in a clone that was moved it has to be made anew.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
$(shell rm -f $(READY))
endif

.PHONY: help lab solutions demo demo-class test check notebooks benchmarks lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

lab: $(READY)  ## set up what is missing, then open the course in JupyterLab (your copies, in lab/)
	@$(BIN)/tinyml-labs lab

solutions: $(READY)  ## open the source notebooks, with the solutions
	@$(BIN)/tinyml-labs lab --solutions

demo: $(READY)  ## hello world's whole circle in the terminal
	@$(BIN)/tinyml-labs demo

demo-class: $(READY)  ## for instructors: release, grade and feedback for a made-up class
	@$(BIN)/tinyml-labs course demo-class

test: $(READY)  ## set up what is missing, then run every test and every notebook
	@# In the order of pyproject.toml's testpaths, the notebooks first: else xdist begins with the files of most tests.
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder -q

check: $(READY)  ## lint, types and the fast tests, in a few minutes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope -q -m "not slow and not notebooks"

notebooks: $(READY)  ## execute every notebook, and nothing else
	$(BIN)/python -m pytest -q -m notebooks

benchmarks: $(READY)  ## measure; benchmarks/README.md holds the last figures
	$(BIN)/python benchmarks/framing.py
	$(BIN)/python benchmarks/capture.py
	$(BIN)/python benchmarks/inference.py
	$(BIN)/python benchmarks/gestures.py
	$(BIN)/python benchmarks/sound.py
	$(BIN)/python benchmarks/grading.py

lock: $(READY)  ## renew requirements.lock, for every platform and Python at once
	$(BIN)/uv pip compile --universal --python-version 3.10 --all-extras --upgrade --quiet \
		--custom-compile-command "make lock" --no-annotate pyproject.toml -o requirements.lock

clean:  ## remove the environment and caches; never lab/, which is yours
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './lab/*' -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@"$(PYTHON)" -c '$(SUITS)' 2>/dev/null || { echo "No Python 3.10, 3.11 or 3.12 here (asked for: '$(PYTHON)')."; \
		echo "Install one (python.org, your package manager, or conda: see README.md), or name it:"; \
		echo "  make lab PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) with $$("$(PYTHON)" --version): about 700 MB to download, once; offline afterwards."
	@$(BIN)/python -c '$(SUITS)' 2>/dev/null && [ "$$(cat $(VENV)/.made-in 2>/dev/null)" = "$(CURDIR) $(PYTHON)" ] || { \
		"$(PYTHON)" -m venv --clear $(VENV) && echo "$(CURDIR) $(PYTHON)" > $(VENV)/.made-in; } || { \
		echo "Python could not make a virtual environment. On Debian and Ubuntu: sudo apt install python3-venv"; \
		rm -rf $(VENV); exit 1; }
	@# pip's lines show the progress; those about other platforms and what is already there do not. The status survives.
	@rm -f $(VENV)/.failed
	@{ $(BIN)/python -m pip install --disable-pip-version-check --no-deps -r requirements.lock || touch $(VENV)/.failed; } \
		| grep -vE '^(Ignoring|Requirement already satisfied|Looking in) '; [ ! -e $(VENV)/.failed ]
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m tinyml_labs.front_end_source || \
		echo "The set-up goes on without it: the sketch keyword_spotter alone needs it."
	@echo "$(CURDIR)" > $(READY)
