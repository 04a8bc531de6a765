"""What `reproduce` writes is whole: each figure in both forms, each claim, no broken link."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from aalprivacy import evaluation, plotting, report
from aalprivacy.audit import Claim, Verdict
from aalprivacy.homes import make_test_set
from aalprivacy.pair import load_pair, read_card, shipped_names
from aalprivacy.report import write_report


def drawn(parts, names):
    """A part's captions by name; its figures have these names and say what they show."""
    captions = {}
    for name, figure, caption in parts:
        assert isinstance(figure, plotting.Html) or figure.details, name
        captions[name] = caption
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
    assert drawn(report.example(), ["table-1", "table-i"])["table-1"] == ""
    drawn(report.simulated(), ["data"])
    captions = drawn(report.readings(pairs, test_set[:1]), ["figure-5", "figure-6"])
    assert captions["figure-6"].endswith("(researcher re-keyed).")
    _, caregiver = report.mismatched({**pairs, "caregiver": load_pair("caregiver")})
    assert caregiver.receiver == "caregiver"


def test_a_pairs_errors_are_drawn(pairs, test_set):
    pair = pairs["researcher.blind"]
    scores = evaluation.evaluate_all(pair, {"unseen": test_set})
    captions = drawn(
        report.of_one_pair("researcher.blind", pair, scores), ["attributes.researcher.blind"]
    )
    assert captions["attributes.researcher.blind"].startswith("The researcher, blind's pair")


def test_pairs_are_compared(pairs, test_set):
    names = ["learning", "errors", "view-errors", "single-errors", "training-size"]
    captions = drawn(report.of_all_pairs(pairs), names)
    assert "(200,000 entries of users never seen, from the cards)" in captions["errors"]
    assert "went on from" not in captions["learning"]
    card = pairs["researcher"].card | {"started_from": {"seconds": 600}}
    longer = {"researcher": replace(pairs["researcher"], card=card)}
    says = drawn(report.of_all_pairs(longer), names)["learning"]
    assert "The researcher's went on from an earlier training" in says
    drawn(report.of_mismatches(evaluation.cross(pairs, test_set)), ["mismatch", "hits"])
    drawn(report.from_within(pairs), ["code", "codes", "units"])


def test_the_page_and_the_tables_say_what_was_measured(pairs, test_set):
    scores = {
        name: evaluation.evaluate_all(pair, {"unseen": test_set, "one": test_set[:1]})
        for name, pair in pairs.items()
    }
    claims = [Claim("V", "a < b", "it is", "1 & 2", v) for v in Verdict]
    figure = plotting.lstm_cell()
    shown = {
        "Figures": [("cell", figure, "A cell."), ("line", plotting.Html("<b>x</b>"), "A line.")]
    }
    page = report.page(claims, scores, shown)
    assert page.count('<td class="verdict">') == 3
    assert "<strong>a &lt; b</strong> (V)" in page
    assert "<p>Holds if it is.</p><p>Measured: 1 &amp; 2.</p>" in page
    assert f'<img src="cell.svg" alt="{figure.alt}"' in page
    assert '<figure id="line"><figcaption>A line.</figcaption><b>x</b></figure>' in page
    assert '<th scope="row">researcher, blind</th><th scope="row">unseen</th>' in page
    assert page.count('<td class="number">–</td>') == 2  # one entry has no standard error
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)


def test_numbers_are_written_without_what_a_processor_adds():
    assert report._rounded({"a": {"b": 0.12345649}, "c": [1], "d": None}) == {
        "a": {"b": 0.123456}, "c": [1], "d": None
    }  # fmt: skip


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
    claims = report.claims_table().splitlines()
    assert "blind" in claims[-1]
    assert 2 < len(claims) < len(verdicts.splitlines())
    assert all(line.split(" |")[1] in verdicts for line in claims[2:])


@pytest.mark.slow
def test_the_report(tmp_path, idle_probes):
    told = []
    written = write_report(
        tmp_path, told.append, entries=40, known=100, targets=50, updates=20, attackers_updates=2
    )
    assert sorted(written) == sorted(Path(tmp_path).iterdir())
    assert told
    names = {path.name for path in written}
    for number in range(1, 5):
        assert {f"figure-{number}.png", f"figure-{number}.svg"} <= names
    assert {
        "table-1.svg",
        "learning.svg",
        "mismatch.svg",
        "report.html",
        "results.md",
        "examples.txt",
    } <= names
    for name in shipped_names():
        assert (f"attributes.{name}.svg" in names) is ("." not in name)
    page = (tmp_path / "report.html").read_text()
    pictures = re.findall(r'src="([^"]+)"', page)
    assert {"table-1.svg", *pictures} == {name for name in names if name.endswith(".svg")}
    assert len(set(pictures)) == len(pictures)
    assert all(len(alt) > 20 for alt in re.findall('<img src="[^"]+" alt="([^"]*)"', page))
    assert page.count("<figure ") == len(pictures) + 3  # figures 5 and 6 and Table I as HTML
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    assert page.count('<td class="verdict">') == 16
    kept = report.published_audits()["researcher"]
    trained = kept[kept["attack"] == "own decoder"]
    assert f"own decoder, {trained['known'].max():,} known entries" in page
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["researcher"]["unseen"]["entries"] == 40
    assert "### family member\n\n| test set | entries |" in (tmp_path / "results.md").read_text()
    assert "researcher: the first 20 entries" in (tmp_path / "examples.txt").read_text()
    svg = (tmp_path / "figure-1.svg").read_text()
    assert "forget" in svg  # text stays text
    assert "<dc:date>" not in svg
