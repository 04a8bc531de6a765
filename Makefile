# Two commands on a fresh machine with Python 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: reproduce notebooks tables site test types check release install lock compat studies

reproduce: install  ## figures, tables and verdicts of the shipped pairs, in figures/
	$(BIN)/aalprivacy reproduce --out figures

notebooks: install  ## run all notebooks again, in place
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False \
	  notebooks/*.ipynb notebooks/solutions/*.ipynb

tables: install  ## make the tables of README and docs/ again, from cards, audits and examples
	$(BIN)/python docs/tables.py

site: install  ## README, notebooks, report, live page and reference in site/; they need no network; a broken link fails
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[site]'
	$(BIN)/sphinx-build --builder html --fail-on-warning --keep-going --quiet docs site
	$(BIN)/python docs/check_links.py site

test: install  ## minutes: format, lint, and the quick tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pytest -n 2 --dist loadfile

types: install  ## what the package says of its types holds
	$(BIN)/mypy

check: test types site  ## all tests: also several processes, reports, notebooks, the site, and the wheel without TensorFlow
	$(BIN)/pytest -m slow

release: install  ## minutes: wheel and source archive in dist/; each command of the wheel is tried in a new environment
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[release]'
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/python tests/release.py dist

install: .venv/installed

.venv/installed: pyproject.toml requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar off -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

lock: install  ## compile requirements.txt again from pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
	  --extra train --extra notebooks --extra test --quiet --output-file requirements.txt

COMPAT := $(addprefix tests/test_,weights.py runtime.py schema.py text.py tables.py sealing.py streams.py training.py)
compat: install  ## the shipped pairs with the oldest and the newest versions that pyproject.toml allows
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	for which in lowest-direct highest; do \
	  $(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-$$which && \
	  $(BIN)/uv pip install --quiet --python .venv-$$which --resolution $$which -e '.[train,test]' && \
	  .venv-$$which/bin/python -c "import keras, tensorflow as tf; print(tf.__version__, keras.__version__)" && \
	  .venv-$$which/bin/pytest $(COMPAT) || exit 1; \
	done

# The trainings of the table of studies (docs/results.md). They show how many users a training needs, the
# paper's protocol (other entries of the same users as the test, nothing randomised), the time until the
# paper's 1.5 wrong characters, and stock layers on whole entries from the start, for at most 90 minutes.
# Compare only those with the same number of updates. They have an earlier default recipe, except for
# default_recipe, which is a whole training as of a shipped pair. memory_* are for `make memory`; in one of them,
# nothing is randomised or mixed. started_from_doctor is for `make started`.
EARLIER := --batch-size 64 --threshold 0.3 --second-moment 0.999 --places 0 --missing 0 --abnormal 0 --noise 0
FAST := $(EARLIER) --learning-rate 1e-3 --first-learning-rate 4e-3 --decay 0.7
AS_IS := --mixing 0 --augmentation 0 0
STUDIES := default_recipe time_to_1.5 paper_protocol 80_users 800_users 8000_users stock_layers \
  memory_randomised memory_as_they_are started_from_doctor
default_recipe: HOW := --seed 2 --validate-every 500
time_to_1.5: HOW := $(FAST) --seed 2 --updates 18000 --validate-every 500 --until 1.5
paper_protocol: HOW := $(FAST) --updates 6000 --users 10000 --entries 80 $(AS_IS)
80_users: HOW := $(FAST) --updates 6000 --users 80
800_users: HOW := $(FAST) --updates 6000 --users 800
8000_users: HOW := $(FAST) --updates 6000
stock_layers: HOW := $(EARLIER) --learning-rate 4e-4 --first-learning-rate 4e-4 --decay 0.25 --no-engine --first-window 20 --memory 0 --spread 0 $(AS_IS) --until 1.5 --minutes 90
memory_randomised: HOW := $(FAST) --updates 6000 --users 800
memory_as_they_are: HOW := $(FAST) --updates 6000 --users 800 $(AS_IS)
started_from_doctor: HOW := --start-from doctor --updates 1000 --seed 3

.PHONY: $(STUDIES)
studies: $(STUDIES)  ## hours: trainings of doctor's pairs that don't ship; their cards are kept

$(STUDIES): install
	$(BIN)/aalprivacy train --receiver doctor --out runs/studies/$@ $(HOW) \
	  $(if $(wildcard runs/studies/$@/checkpoint.npz),--resume)
	mkdir -p aalprivacy/studies
	cp runs/studies/$@/card.json aalprivacy/studies/$@.json

# Seven pairs, each trained from scratch with its own seed and the default recipe. A training ends at the
# recipe's last update, whatever its error. Only if the validation then shows more than 0.15 wrong characters,
# it goes on to update 36,000 and ends there, whatever its error. Ctrl-C stops it, the same command continues.
# benchmarks/together.py makes the first 24,000 updates on a GPU, with other first weights of the same kind.
PAIRS := family_member doctor caregiver researcher doctor.blind caregiver.blind researcher.blind
SEED_family_member := 11
SEED_doctor := 12
SEED_caregiver := 13
SEED_researcher := 14
SEED_doctor.blind := 15
SEED_caregiver.blind := 16
SEED_researcher.blind := 17

.PHONY: pairs
pairs: $(PAIRS:%=runs/pairs/%/ended)  ## hours: seven pairs, in runs/pairs

TRAIN_PAIR = $(BIN)/aalprivacy train --receiver $(subst .blind,,$*) --out runs/pairs/$* --seed $(SEED_$*) \
	  $(if $(findstring .blind,$*),--blind)

runs/pairs/%/ended: | install
	$(TRAIN_PAIR) $(if $(wildcard runs/pairs/$*/checkpoint.npz),--resume)
	if awk -F, 'END { exit !($$NF + 0 > 0.15) }' runs/pairs/$*/log.csv; then \
	  $(TRAIN_PAIR) --resume --updates 36000; fi
	touch $@

NOTES := examples/notes
.PHONY: notes
notes: $(NOTES)/runs/researcher/card.json  ## an hour or two: a pair on homes with a nurse's note; results and examples
	mkdir -p $(NOTES)/researcher
	cp $(addprefix $(NOTES)/runs/researcher/,card.json weights.safetensors) $(NOTES)/researcher
	$(BIN)/python $(NOTES)/show.py --json $(NOTES)/figures.json

# Ctrl-C stops the training, the same command continues.
$(NOTES)/runs/researcher/card.json: $(NOTES)/runs/entries.parquet | install
	$(BIN)/aalprivacy train --receiver researcher --data $< --schema $(NOTES)/notes.toml \
	  --policy $(NOTES)/policy.csv --out $(@D) --seed 21 --places 80 --updates 16000 $(if $(wildcard $(@D)/checkpoint.npz),--resume)

$(NOTES)/runs/entries.parquet: | install
	$(BIN)/python $(NOTES)/make.py

# Every shipped pair is attacked with the same strength; the researcher's two also by an attacker who knows
# ten times as many entries. Ctrl-C stops it after the current attack; the same command continues. Files of
# earlier pairs in runs/audits are refused. `make tables`, `make reproduce` and notebook 4 then show the results.
KNOWN_researcher := 100000
KNOWN_researcher.blind := 100000

.PHONY: audits memory started $(PAIRS:%=audit-%)
audits: $(PAIRS:%=audit-%)  ## hours: attack every shipped pair, one after the other; keep the results beside the pairs

$(PAIRS:%=audit-%): audit-%: | install
	mkdir -p runs/audits
	$(BIN)/aalprivacy audit --pair $* --known $(or $(KNOWN_$*),10000) --targets 1000 --updates 2000 \
	  --out runs/audits/$*.json > /dev/null
	cp runs/audits/$*.json aalprivacy/pretrained/$*/audit.json

memory: memory_randomised memory_as_they_are  ## an hour: does a decoder reveal on whom it was trained, with randomised and mixed values and without?
	mkdir -p runs/audits
	for study in $^; do \
	  $(BIN)/aalprivacy audit --pair runs/studies/$$study --parts people --known 1000 \
	    --out runs/audits/$$study.json > /dev/null && \
	  cp runs/audits/$$study.json aalprivacy/studies/$$study.audit.json || exit 1; \
	done

started: started_from_doctor  ## minutes: can the owner of a pair read the codes of a pair that was started from it?
	$(BIN)/python benchmarks/started.py runs/studies/started_from_doctor
