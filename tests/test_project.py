"""The project's files agree with each other."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _name(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower()


def test_requirements_pin_what_pyproject_asks_for():
    pinned = {
        _name(line): line.split(";")[0].strip().split("==")[1]
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if re.match(r"[\w.-]+==", line)
    }
    extras = PROJECT["optional-dependencies"]
    for requirement in [*PROJECT["dependencies"], *extras["notebooks"], *extras["test"]]:
        pin = pinned[_name(requirement)]
        lowest = re.search(r">=([\d.]+)", requirement)[1]
        assert [int(n) for n in re.findall(r"\d+", pin)][:3] >= [
            int(n) for n in lowest.split(".")
        ], requirement


def test_conda_installs_the_same():
    environment = (ROOT / "environment.yml").read_text()
    assert "- -r requirements.txt" in environment
    assert "- -e ." in environment
    python = re.search(r"python=([\d.]+)", environment)[1]
    assert python in PROJECT["requires-python"]


def test_the_readmes_example_runs():
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "|" in done.stdout


def test_the_readmes_results_are_the_cards():
    from aalprivacy.report import put_tables_into

    readme = (ROOT / "README.md").read_text()
    assert put_tables_into(readme) == readme, "run: python -m aalprivacy.report README.md"


def test_the_kept_audits_are_of_the_shipped_pairs():
    files = list((ROOT / "aalprivacy" / "pretrained").glob("*/audit.json"))
    assert files
    for file in files:
        (audit,) = json.loads(file.read_text()).values()
        card = json.loads((file.parent / "card.json").read_text())
        assert audit["encoder"] == card["fingerprints"]["encoder"], file


def test_shipped_pairs_are_small():
    shipped = (ROOT / "aalprivacy" / "pretrained").glob("*/*")
    assert sum(path.stat().st_size for path in shipped) < 25e6
