"""What `reproduce` writes is whole: each figure in both forms, each claim, no broken link."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from aalprivacy import evaluation, report
from aalprivacy.audit import Claim, Verdict
from aalprivacy.homes import make_test_set
from aalprivacy.pair import load_pair, read_card, shipped_names
from aalprivacy.report import write_report


def drawn(parts, names):
    """The captions of a part of the report, whose figures have these names."""
    captions = {name: caption for name, figure, caption in parts if isinstance(figure, Figure)}
    assert list(captions) == names
    return captions


@pytest.fixture(scope="module")
def pairs():
    return {name: load_pair(name) for name in ("researcher", "researcher.blind")}


@pytest.fixture(scope="module")
def test_set():
    return make_test_set("unseen", 12)


def test_the_papers_figures_are_drawn(pairs, test_set):
    drawn(report.diagrams(), ["figure-1", "figure-2", "figure-3"])
    drawn(report.example(), ["table-1", "data"])
    captions = drawn(report.readings(pairs, test_set[:1]), ["figure-5", "figure-6"])
    assert captions["figure-6"].endswith("(researcher re-keyed).")
    _, caregiver = report.mismatched({**pairs, "caregiver": load_pair("caregiver")})
    assert caregiver.receiver == "caregiver"


def test_a_pairs_figures_are_drawn(pairs, test_set):
    pair = pairs["researcher.blind"]
    scores = evaluation.evaluate_all(pair, {"unseen": test_set})
    names = [f"{kind}.researcher.blind" for kind in ("code", "attributes", "learning")]
    captions = drawn(report.of_one_pair("researcher.blind", pair, scores, test_set[:3]), names)
    assert captions[names[0]] == "Codes of 3 entries by the researcher, blind's encoder."
    assert captions[names[2]] == "The training of the researcher, blind's pair."
    card = pair.card | {"started_from": {"seconds": 600}}
    parts = report.of_one_pair("x", replace(pair, card=card), scores, test_set[:3])
    assert "of 35 minutes, which went on" in [caption for _, _, caption in parts][2]


def test_pairs_are_compared(pairs, test_set):
    captions = drawn(
        report.of_all_pairs(pairs), ["errors", "view-errors", "single-errors", "training-size"]
    )
    assert "(200,000 entries of users never seen, from the cards)" in captions["errors"]
    drawn(report.of_mismatches(evaluation.cross(pairs, test_set)), ["mismatch", "hits"])
    drawn(report.from_within(pairs), ["codes", "units"])


def test_the_page_and_the_tables_say_what_was_measured(pairs, test_set):
    scores = {
        name: evaluation.evaluate_all(pair, {"unseen": test_set, "one": test_set[:1]})
        for name, pair in pairs.items()
    }
    claims = [Claim("V", "a < b", "it is", "1 & 2", v) for v in Verdict]
    page = report.page(claims, scores, {"errors": "Errors."})
    assert page.count('<td class="verdict">') == 3
    assert "a &lt; b" in page
    assert '<img src="errors.svg" alt="Errors."' in page
    assert page.count("<td>researcher, blind</td>") == 2
    assert page.count('<td class="number">–</td>') == 2  # one entry has no standard error
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)


def test_the_readmes_tables_are_of_all_shipped_pairs():
    results = report.results_table().splitlines()
    assert len(results) == 2 + len(shipped_names())
    blind = read_card("researcher.blind")["test"]["open"]["character_error"]
    (row,) = (line for line in results if line.startswith("| researcher, blind |"))
    assert f"| {blind:.3f} ± " in row
    assert report.studies_table().count("\n") == 1 + len(report.studies())
    assert set(report.training_sizes()["users"]) == {80, 800, 8000}
    audits = report.published_audits()
    assert set(audits) == {"researcher", "researcher.blind"}
    assert set(pd.concat(audits.values())["pair"]) == set(audits)
    verdicts = report.verdicts_table()
    assert "gone from a blind pair's codes" in verdicts.splitlines()[-1]
    page = "a\n<!-- results -->\noutdated\n<!-- end of results -->\nb\n" + "".join(
        f"<!-- {name} -->\n\n<!-- end of {name} -->\n" for name in ("studies", "verdicts")
    )
    made = report.put_tables_into(page)
    assert "outdated" not in made
    assert made.startswith("a\n<!-- results -->\n" + results[0])
    assert verdicts in made
    assert report.put_tables_into(made) == made


@pytest.mark.slow
def test_the_report(tmp_path, idle_probes):
    told = []
    written = write_report(
        tmp_path, told.append, entries=40, known=100, targets=50, updates=20, attackers_updates=2
    )
    assert sorted(written) == sorted(Path(tmp_path).iterdir())
    assert told
    names = {path.name for path in written}
    for number in range(1, 7):
        assert {f"figure-{number}.png", f"figure-{number}.svg"} <= names
    assert {"table-1.svg", "mismatch.svg", "report.html", "results.md", "examples.txt"} <= names
    for name in shipped_names():
        assert (f"learning.{name}.svg" in names) is ("." not in name)
    page = (tmp_path / "report.html").read_text()
    pictures = re.findall(r'src="([^"]+)"', page)
    assert set(pictures) == {name for name in names if name.endswith(".svg")}
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    assert page.count('<td class="verdict">') == 16
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["researcher"]["unseen"]["entries"] == 40
    assert "### family member\n\n| test set | entries |" in (tmp_path / "results.md").read_text()
    assert "researcher: the first 20 entries" in (tmp_path / "examples.txt").read_text()
    svg = (tmp_path / "figure-1.svg").read_text()
    assert "forget" in svg  # text stays text
    assert "<dc:date>" not in svg
