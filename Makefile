# Two commands on a fresh machine with Python 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: reproduce test install lock

reproduce: install  ## the main job on the shipped pairs: figures and tables in figures/
	$(BIN)/aalprivacy reproduce --out figures

test: install  ## format, lint, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pytest

install: .venv/installed

.venv/installed: pyproject.toml requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar off -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

lock:  ## compile requirements.txt anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
	  --extra notebooks --extra test --quiet --output-file requirements.txt
