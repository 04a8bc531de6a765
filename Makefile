# Two commands on a fresh machine with Python 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: reproduce notebooks site test install lock compat

reproduce: install  ## the main job on the shipped pairs: figures and tables in figures/
	$(BIN)/aalprivacy reproduce --out figures

notebooks: install  ## run all notebooks anew, in place
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace notebooks/*.ipynb

site: install  ## README, notebooks and reference as web pages in site/; a broken link fails
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[site]'
	$(BIN)/sphinx-build --builder html --fail-on-warning --keep-going --quiet docs site

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

lock: install  ## compile requirements.txt anew from pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
	  --extra notebooks --extra test --quiet --output-file requirements.txt

compat: install  ## the shipped pairs with the oldest and the newest versions that pyproject.toml allows
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	for which in lowest-direct highest; do \
	  $(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-$$which && \
	  $(BIN)/uv pip install --quiet --python .venv-$$which --resolution $$which -e '.[test]' && \
	  .venv-$$which/bin/python -c "import keras, tensorflow as tf; print(tf.__version__, keras.__version__)" && \
	  .venv-$$which/bin/pytest tests/test_weights.py tests/test_inference.py || exit 1; \
	done
