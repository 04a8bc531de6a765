"""The project's files agree with each other, and the package works where it is installed."""

import ast
import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import escape

from aalprivacy import claims, report
from aalprivacy.audit import CHARACTER_ERROR, EDITION, PARTS, verdicts
from aalprivacy.audit.measure import AREA
from aalprivacy.homes import AUDIT_SEED, SAMPLE_SEED, TRAINING_SEED, VALIDATION_SEED
from aalprivacy.pair import load_pair, read_card, shipped_names, shipped_pairs

ROOT = Path(__file__).parent.parent
PACKAGE, CLINIC = ROOT / "aalprivacy", ROOT / "examples" / "clinic"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()
OWN_TABLE = (ROOT / "docs" / "own_table.md").read_text()
# What trains a network, and so may need TensorFlow as soon as it is imported.
TRAINS = ("quiet", "lstm", "model", "updates", "training", "initial")


def _name(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower()


def _own_table():
    """The code blocks of the page about the clinic's table, by their language."""
    clinic = OWN_TABLE.split("\n## ")[0]
    return re.findall(r"```(\w*)\n(.*?)```", clinic, re.DOTALL)


def test_requirements_pin_what_pyproject_asks_for():
    pinned = {
        _name(line): line.split(";")[0].strip().split("==")[1]
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if re.match(r"[\w.-]+==", line)
    }
    extras = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *extras["train"], *extras["notebooks"], *extras["test"]]
    for requirement in asked:
        pin = pinned[_name(requirement)]
        lowest = re.search(r"[>=]=([\d.]+)", requirement)[1]
        assert [int(n) for n in re.findall(r"\d+", pin)][:3] >= [
            int(n) for n in lowest.split(".")
        ], requirement


def test_the_version_is_one():
    import aalprivacy

    versions = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == aalprivacy.__version__ == PROJECT["version"]
    assert versions[1] == "0.1.0"


def test_type_checkers_see_each_name():
    """They don't run what loads a name from its module when it is first used."""
    import aalprivacy

    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {node.names[0].asname: node.module for node in block.body}
    assert told == {n: f"aalprivacy.{module}" for n, module in aalprivacy._WHERE.items()}


def test_all_files_of_the_package_are_shipped():
    """Modules of the listed folders, and the data that pyproject.toml names; weights too."""
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    modules = {file for name in setup["packages"]
               for file in (ROOT / name.replace(".", "/")).glob("*.py")}  # fmt: skip
    data = {file for pattern in setup["package-data"]["aalprivacy"]
            for file in PACKAGE.glob(pattern)}  # fmt: skip
    listed = subprocess.run(["git", "ls-files", "-z", PACKAGE], cwd=ROOT, capture_output=True)
    files = {ROOT / name for name in listed.stdout.decode().split("\0") if name}
    assert files
    assert {file for file in files if file.exists()} <= modules | data
    assert PACKAGE / "py.typed" in data


def test_the_core_needs_no_tensorflow():
    names = {_name(requirement) for requirement in PROJECT["dependencies"]}
    assert "numpy" in names
    assert not names & {"tensorflow", "tensorflow-cpu", "keras"}


def test_conda_installs_the_same():
    environment = (ROOT / "environment.yml").read_text()
    assert "- -r requirements.txt" in environment
    assert "- -e ." in environment
    python = re.search(r"python=([\d.]+)", environment)[1]
    assert python in PROJECT["requires-python"]


def test_the_readmes_example_runs():
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "|" in done.stdout


def test_the_pages_tables_are_what_was_measured():
    tables = runpy.run_path(str(ROOT / "docs" / "tables.py"))
    shown = set()
    for page in tables["PAGES"]:
        text = page.read_text()
        assert tables["made_anew"](text) == text, f"{page.name}: run make tables"
        shown |= set(re.findall(r"<!-- (\w+) -->", text))
    assert set(tables["MADE"]) <= shown
    old = "a\n<!-- results -->\noutdated\n<!-- end of results -->\nb\n"
    made = tables["made_anew"](old)
    assert "outdated" not in made
    assert made.startswith("a\n<!-- results -->\n| receiver |")
    assert made.endswith("|\n<!-- end of results -->\nb\n")


def test_the_readme_can_be_read_in_three_minutes():
    prose = re.sub(r"```.*?```|<!-- (\w+) -->.*?<!-- end of \1 -->", "", README, flags=re.DOTALL)
    assert len(prose.split()) < 900


def test_the_readmes_six_commands_are_commands():
    from typer.main import get_command

    from aalprivacy.cli import app

    text = README.split("## Your own table\n")[1].split("```")[1]
    known = get_command(app).commands
    commands = [shlex.split(line)[1:] for line in text.strip().splitlines()]
    assert [words[0] for words in commands] == [
        "describe", "prepare", "train", "encode", "decode", "evaluate",
    ]  # fmt: skip
    for name, *words in commands:
        options = {option for parameter in known[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_the_page_shows_the_clinics_files():
    shown = {text.strip() for _, text in _own_table()}
    for name in ("clinic.toml", "policy.csv"):
        assert (CLINIC / name).read_text().strip() in shown, name
    commands = [words[1] for words in _clinic_commands()]
    assert commands == ["view", "train", "encode", "decode", "evaluate", "audit"]


def test_the_pages_code_book_is_one():
    from aalprivacy.codebook import CodeBook, meaning

    (text,) = re.findall(r"```toml\n(\[columns\].*?)```", OWN_TABLE, re.DOTALL)
    book = CodeBook(**tomllib.loads(text))
    assert book.columns == {"temperature": "Temp. (C)"}
    assert meaning("999.0", book.meanings("temperature")) == "-"


def _cells(section):
    """The first cell of each row of a table in a section of that page."""
    text = OWN_TABLE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [row.split("|")[1].strip() for row in re.findall(r"^\|.*", text, re.MULTILINE)[2:]]


def test_the_page_has_every_form():
    from aalprivacy import Form

    assert set(_cells("Forms")) == {f"`{form}`" for form in Form}


def test_the_pages_errors_are_those_of_the_code():
    source = "\n".join(path.read_text() for path in PACKAGE.glob("*.py"))
    errors = [cell.strip("`") for cell in _cells("What each error means")]
    assert len(errors) > 10
    for error in errors:
        assert error in source, error


def test_the_pages_notes_have_those_views():
    from aalprivacy import Schema

    note = Schema.from_toml(ROOT / "examples" / "notes" / "notes.toml")["note"]
    text = OWN_TABLE.split("\n## Free text\n")[1].split("<!-- notes -->")[0]
    rows = re.findall(r"^\| (.+) \| (.+) \| .+ \|$", text, re.MULTILINE)[1:]
    assert len(rows) == 7
    for written, view in rows:
        assert note.generalise(written, "john smith", "12 elm street leeds") == view


def test_the_clinics_entries_are_made_by_their_script(tmp_path):
    folder = shutil.copytree(CLINIC, tmp_path / "clinic", ignore=shutil.ignore_patterns("runs"))
    (folder / "entries.csv").unlink()
    subprocess.run([sys.executable, folder / "make_entries.py"], check=True)
    assert (folder / "entries.csv").read_text() == (CLINIC / "entries.csv").read_text()


def _clinic_commands():
    text = "\n".join(text for _, text in _own_table()).replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line.startswith("aalprivacy ")]


@pytest.mark.slow
def test_the_pages_clinic(run, tmp_path, monkeypatch, idle_probes):
    """The whole example on its real files, with a training and an audit cut short."""
    from aalprivacy import Policy, Schema, apply_policy, load_pair
    from aalprivacy.tables import read_entries, read_views

    shutil.copytree(CLINIC, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("runs"))
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    policy = Policy.from_csv("policy.csv", Schema.from_toml("clinic.toml"))
    entries = read_entries("entries.csv", policy.schema)
    assert (len(entries), entries["patient_id"].nunique(), len(policy.schema)) == (300, 150, 12)
    for _, command, *options in _clinic_commands():
        if "--updates" in options:
            options[options.index("--updates") + 1] = "3"
        elif command == "audit":
            options += ["--updates", "3"]
        code, text, error = run(command, *options)
        assert code == 0, (command, error)
    assert "tells" in text
    views = apply_policy(entries, policy, "statistician")
    assert read_views("runs/view.csv", policy.schema).equals(views)
    pair = load_pair("runs/statistician")
    assert pair.receiver == "statistician"
    assert pair.schema == policy.schema
    assert len(pd.read_csv("runs/decoded.csv")) == 300


@pytest.mark.slow
def test_it_works_without_tensorflow(tmp_path):
    """The wheel in an environment of its own, with what it requires and no more."""
    source, made = tmp_path / "source", tmp_path / "made"
    source.mkdir()
    made.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(PACKAGE, source / "aalprivacy", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", symlinks=True)
    (python,) = (tmp_path / "venv").glob("*/python")
    subprocess.run([*pip, "--python", python, "install", wheel], check=True)
    shutil.copy(ROOT / "tests" / "cases" / "good.csv", made)

    def of_it(program, *options):
        command = [python.with_name(program), *options]
        return subprocess.run(command, cwd=made, capture_output=True, text=True)

    gone = of_it("python", "-c", "import tensorflow")
    assert "No module named 'tensorflow'" in gone.stderr
    for line in (
        "encode good.csv --pair researcher --out codes.npz",
        "decode codes.npz --pair researcher --out view.csv",
        "key --out a.key",
        "encode good.csv --pair researcher.blind --seal a.key --out sealed.npz",
        "decode sealed.npz --pair researcher.blind --key a.key --out again.csv",
        "evaluate --pair researcher --data good.csv --json",
    ):
        done = of_it("aalprivacy", *line.split())
        assert done.returncode == 0, (line, done.stderr)
    score = json.loads(done.stdout)["researcher"]["good.csv"]
    assert score["entries"] == len(pd.read_csv(made / "good.csv"))
    assert score["character_error"] < 3
    assert len(pd.read_csv(made / "view.csv")) == len(pd.read_csv(made / "again.csv"))
    done = of_it("aalprivacy", "train", "--receiver", "doctor", "--out", "run", "--users", "30")
    assert done.returncode == 1
    assert done.stderr.startswith("aalprivacy: ")
    assert done.stderr.count("\n") == 1
    assert "aalprivacy[train]" in done.stderr


def test_the_papers_attributes_stand_in_the_schema_alone():
    """No algorithm knows an attribute of the paper's table by name; only the simulator does."""
    for path in PACKAGE.rglob("*.py"):
        found = re.findall(r'\bNAMES\b|"address"', path.read_text())
        assert not found or path.name == "homes.py", path


def test_only_what_trains_imports_tensorflow():
    for path in PACKAGE.rglob("*.py"):
        if path.stem in TRAINS:
            continue
        for node in ast.parse(path.read_text()).body:  # of the module's own level
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                assert name.split(".")[0] not in ("tensorflow", "keras"), path
                assert name not in [f"aalprivacy.{module}" for module in TRAINS], path


def test_every_target_of_make_has_a_rule():
    """One that is only phony would do nothing, and say nothing."""
    text = (ROOT / "Makefile").read_text()
    named = " ".join(re.findall(r"^\.PHONY:(.*)$", text, re.M))
    targets = re.sub(r"\$\([^)]*\)", "", named).split()
    assert len(targets) > 10
    for target in targets:
        assert re.search(rf"^{target}:", text, re.M), target


def test_the_kept_audits_are_of_the_shipped_pairs():
    files = list((PACKAGE / "pretrained").glob("*/audit.json"))
    assert files
    ships = {name: read_card(name)["fingerprints"]["encoder"] for name in shipped_names()}
    for file in files:
        ((name, audit),) = json.loads(file.read_text()).items()
        assert name == file.parent.name
        assert audit["encoder"] == ships[name], file
        assert {**audit["others"], name: audit["encoder"]} == ships, file
        assert (audit["parts"], audit["edition"]) == (list(PARTS), EDITION), file
        strength = {"known": 100_000 if name.startswith("researcher") else 10_000,
                    "targets": 1000, "updates": 2000}  # fmt: skip
        assert {k: audit[k] for k in strength} == strength, file
        made = {finding["attack"] for finding in audit["findings"]}
        for _, rows, _ in verdicts.QUESTIONS:
            for attack in rows.attacks:
                assert any(one.startswith(attack) for one in made) or attack == "extraction", file


def test_the_kept_sizes_of_codes_are_of_the_shipped_pairs():
    kept = report.code_sizes()
    assert set(kept["pair"]) == set(shipped_pairs())
    for name, pair in shipped_pairs().items():
        rows = kept[kept["pair"] == name]
        assert set(rows["fingerprints"]) == {report.of_codes(pair)}
        assert list(rows["small"].dropna()) == [pair.small.fingerprint]


def test_what_is_told_of_the_paper_s_recipe_is_of_the_kept_pair():
    pair = load_pair(ROOT / "benchmarks" / "paper_recipe")
    curve = report.paper_recipe()
    reached = curve.groupby("training")["entries"].max()
    assert reached["batches of 64"] == reached.max() == pair.card["training"]["entries"]
    for name in ("ends", "values", "lines"):
        table = pd.read_csv(report.studies_folder() / f"paper_recipe_{name}.csv")
        assert set(table["fingerprints"]) == {report.of_codes(pair)}


def test_two_trainings_differ_in_random_and_mixed_values_alone():
    plain, randomised = (f"{name}.json" for name in report.RANDOMISED)
    folder = report.studies_folder()
    cards = [json.loads((folder / name).read_text()) for name in (plain, randomised)]
    audits = [
        json.loads((folder / name).with_suffix(report.AUDIT).read_text())["doctor"]
        for name in (plain, randomised)
    ]
    for card, audit in zip(cards, audits, strict=True):
        assert audit["encoder"] == card["fingerprints"]["encoder"]
        assert (audit["parts"], audit["edition"]) == (["people"], EDITION)
        assert card["data"] == cards[0]["data"]
    recipes = [card["recipe"] for card in cards]
    differ = {name for name in recipes[0] if recipes[0][name] != recipes[1][name]}
    assert differ == {"mixing", "augmentation"}
    # What docs/security.md says of them.
    seen, unseen = (
        [card["test"][kind]["character_error"] for card in cards] for kind in ("seen", "unseen")
    )
    assert seen[0] < seen[1]
    assert unseen[0] > 2 * unseen[1]
    wrote = [f for audit in audits for f in audit["findings"] if f["attack"] == "extraction"]
    assert wrote
    assert not any(f["beats_baseline"] for f in wrote)
    areas = [
        max(f["low"] for f in audit["findings"]
            if f["attack"].startswith("membership") and f["measure"] == AREA)
        for audit in audits
    ]  # fmt: skip
    assert areas[0] > 0.99
    assert 0.6 < areas[1] < 0.9
    found = pd.concat(report.published_audits().values())
    found = found[found["attack"].str.startswith("membership")]
    surely = found[found["beats_baseline"]]
    assert surely["pair"].nunique() == 6
    assert set(surely["attack"]) == {"membership, code and loss"}
    assert set(surely["measure"]) == {AREA}


def test_the_pair_started_from_another_is_the_one_that_was_attacked():
    path = report.studies_folder() / f"{report.STARTED}.json"
    card = json.loads(path.read_text())
    (audit,) = json.loads(path.with_suffix(report.AUDIT).read_text()).values()
    assert audit["encoder"] == card["fingerprints"]["encoder"]
    assert audit["others"] == {"doctor": read_card("doctor")["fingerprints"]["encoder"]}
    assert card["started_from"]["encoder"] == audit["others"]["doctor"]
    assert (audit["edition"], audit["known"], audit["targets"]) == (EDITION, 10_000, 1000)
    # What docs/security.md says of it.
    assert card["training"]["updates"] == 1000
    answers = {claim.question: claim.answer for claim in report.security_claims()}
    assert answers[verdicts.STARTED] == "Yes"


def test_what_the_page_on_security_advises_is_what_the_audits_found():
    """Sentences of docs/security.md that aren't made from the audits."""
    audits = report.published_audits()
    found = pd.concat(audits.values())
    answers = {claim.question.asks: claim.answer for claim in report.security_claims()}
    assert answers["Does noise on the codes hide what the view hides?"] == "No"
    errors = found[found["measure"] == CHARACTER_ERROR]
    near = errors[errors["attack"] == "near key"]
    tenth, layers = near[near["size"] == 0.1], near[near["size"].eq(0) & near["setting"].ne("")]
    assert set(tenth["pair"]) == set(layers["pair"]) == set(audits)
    assert (tenth["value"] < verdicts.OPEN * tenth["baseline"]).all()
    assert (layers["low"] > layers["baseline"]).all()
    trained = errors[errors["attack"].eq("own decoder") & errors["known"].eq(10_000)]
    left = (trained["value"] / trained["baseline"]).groupby(trained["pair"]).min()
    assert set(left.index) == set(audits)
    assert (left < 0.25).all()
    linked = found[found["attack"].eq("linkage") & found["own"].eq("")]
    assert set(linked["pair"]) == set(audits)
    assert (linked["value"] > linked["control"] - 0.03).all()
    whole = found[found["attack"].eq("insider, whole entry") & found["pair"].eq("researcher")]
    assert len(whole)
    assert not whole["beats_baseline"].any()


def _git(*words):
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def test_no_rule_is_said_to_be_older_than_it_is():
    """A rule's day is the first on which it stood in the history, word for word."""
    if _git("rev-parse", "--is-shallow-repository").strip() != "false":
        pytest.skip("no whole history")
    files = ["aalprivacy/audit/verdicts.py", "aalprivacy/claims.py"]

    def words(text):
        return re.sub(r'[\s"]+', "", text)

    log = _git("log", "--format=%h %ad", "--date=short", "--", *files).split()
    texts = [
        (day, words("".join(_git("show", f"{commit}:{file}") for file in files)))
        for commit, day in zip(log[::2], log[1::2], strict=True)
    ]
    now = words("".join((ROOT / file).read_text() for file in files))
    texts.append((date.today().isoformat(), now))
    asked = [question for question, _, _ in verdicts.QUESTIONS]
    for question in (*asked, verdicts.RANDOMISED, *claims.QUESTIONS):
        days = [day for day, text in texts if words(question.rule) in text]
        assert min(days) == question.since, question.rule


def test_notebook_4_and_the_report_show_the_verdicts_that_the_other_pages_show():
    notebook = json.loads((ROOT / "notebooks" / "04_lock_and_key.ipynb").read_text())
    shown = [
        "".join(output["data"].get("text/markdown", ""))
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if "data" in output
    ]
    table = report.verdicts_table()
    assert table in shown
    assert table in (ROOT / "docs" / "security.md").read_text()
    page = (ROOT / "figures" / "report.html").read_text()
    for claim in report.security_claims():
        for text in (claim.question.asks, claim.question.rule, claim.answer, claim.measured):
            assert escape(text) in page, "run make reproduce"


def test_shipped_pairs_are_small():
    shipped = (PACKAGE / "pretrained").glob("*/*")
    assert sum(path.stat().st_size for path in shipped) < 25e6


def test_the_seed_of_a_cards_test_figures_stands_nowhere_else():
    """What was scored once, after the last choice, must not be looked at again."""
    cards = {name: read_card(name) for name in shipped_names()}
    tested = {name: card["tested"] for name, card in cards.items() if "tested" in card}
    seeds = {str(about["seed"]) for about in tested.values()}
    for name, about in tested.items():
        marks = cards[name]["fingerprints"]
        assert about["fingerprints"] == {part: marks[part] for part in marks if part != "small"}
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for file in files.stdout.decode().split("\0"):
        path = ROOT / file
        if path.is_file() and path.name != "card.json" and path.suffix != ".safetensors":
            text = path.read_bytes().decode("utf-8", "ignore")
            assert not any(re.search(rf"(?<!\d){seed}(?!\d)", text) for seed in seeds), file
    for seed in (TRAINING_SEED, VALIDATION_SEED, SAMPLE_SEED, AUDIT_SEED):
        assert str(seed) not in seeds


def test_modules_import_from_those_above_them():
    """As the page on the layout says: imports at a module's top go up its table, or stay in a row.

    Imports inside a function or for type checkers alone don't count.
    """
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs" / "layout.md").read_text(), re.MULTILINE)
    row_of = {
        room.removesuffix(".py").removesuffix("/"): at
        for at, row in enumerate(rows)
        for room in re.findall("`([^`]+)`", row)
    }
    package = ROOT / "aalprivacy"
    for path in package.rglob("*.py"):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aalprivacy"):
                _, *names = node.module.split(".")
                for other in names[:1] or [a.name for a in node.names if a.name in row_of]:
                    assert row_of[other] <= row_of[room], f"{path} imports {other}"
