"""What `reproduce` writes is whole: each figure in both forms, each claim, no broken link."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import escape

from aalprivacy import evaluation, plotting, report
from aalprivacy.attributes import in_words
from aalprivacy.audit import CHARACTER_ERROR, Claim, Finding, Question, Setting, Verdict, to_rows
from aalprivacy.audit.measure import AREA, BYTES, TIME
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
    names = ["learning", "errors", "view-errors", "single-errors", "training-size",
             "code-sizes"]  # fmt: skip
    captions = drawn(report.of_all_pairs(pairs), names)
    assert "(200,000 entries of users never seen, from the cards)" in captions["errors"]
    assert "went on from" not in captions["learning"]
    card = pairs["researcher"].card | {"started_from": {"seconds": 600}}
    longer = {"researcher": replace(pairs["researcher"], card=card)}
    says = drawn(report.of_all_pairs(longer), names)["learning"]
    assert "The researcher's pair continued an earlier training" in says
    drawn(report.of_mismatches(evaluation.cross(pairs, test_set)), ["mismatch", "hits"])
    drawn(report.from_within(pairs), ["code", "codes", "units"])


def test_the_page_and_the_tables_say_what_was_measured(pairs, test_set):
    scores = {
        name: evaluation.evaluate_all(pair, {"unseen": test_set, "one": test_set[:1]})
        for name, pair in pairs.items()
    }
    asked = Question(section="V", asks="Is a < b?", claimed="Yes", rule="it is", since="2026-11-25")
    claims = [Claim(asked, "1 & 2", v) for v in Verdict] + [Claim(asked)]
    figure = plotting.lstm_cell()
    shown = {
        "Figures": [("cell", figure, "A cell."), ("line", plotting.Html("<b>x</b>"), "A line.")]
    }
    page = report.page(claims, scores, shown)
    answers = re.findall('<td class="verdict">([^<]*)<', page)
    assert answers == ["Yes", "In part", "No", "Undecided", "not measured yet"]
    assert "<strong>Is a &lt; b?</strong> (V)" in page
    assert page.count("<p>Yes, if it is (since 2026-11-25).</p>") == 5
    assert page.count("<p>Measured: 1 &amp; 2.</p>") == 4
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
    cards = report.studies().values()
    anew = [card for card in cards if "started_from" not in card]
    assert len(anew) < len(cards)
    assert report.studies_table().count("\n") == 1 + len(anew)
    assert set(report.training_sizes()["users"]) == {80, 800, 8000}
    audits = report.published_audits()
    assert set() < set(audits) <= set(shipped_names())
    assert set(pd.concat(audits.values())["pair"]) == set(audits)
    verdicts = report.verdicts_table().splitlines()
    security = report.security_claims()
    assert len(verdicts) == 2 + len(security)
    for line, claim in zip(verdicts[2:], security, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[0].startswith(claim.question.asks)
        assert cells[1] == f"**{claim.answer}**"
        told = [claim.found, claim.guess, claim.reader] if claim.verdict else [""] * 3
        assert cells[2:5] == told
        assert cells[5].startswith(claim.attacker)
        assert all(attack in cells[5] for attack in claim.untried)
    claims = report.claims_table().splitlines()
    assert "blind" in claims[-1]
    assert 2 < len(claims) < len(verdicts)
    assert all(any(line.split(" |")[0] in row for row in verdicts) for line in claims[2:])
    for line in claims[2:]:
        (claim,) = (claim for claim in security if claim.question.asks in line)
        assert all(attack in line for attack in claim.untried)
    said = report.audited_sentence()
    attacked, _, left = said.partition("Not attacked yet: ")
    for name in shipped_names():
        assert in_words(name) in (attacked if name in audits else left)


def test_what_remains_and_which_target_is_missed_is_told_from_the_cards(monkeypatch):
    def card(errors, blind, **more):
        wrong = {"name": errors[1], "age": 0.0004, "address": 0.02}
        sets = zip(("seen", "unseen", "open"), errors, strict=True)
        test = {kind: {"character_error": error, "attributes": wrong} for kind, error in sets}
        return {"test": test, "recipe": {"blind": blind}} | more

    disturbed = {"test_disturbed": {"character_error": 0.25}}
    cards = {
        "doctor": card((0.1, 0.1504, 0.8), False, **disturbed),
        "doctor.blind": card((0.1004, 0.2, 0.7), True),
    }
    monkeypatch.setattr(report, "shipped_names", lambda: tuple(cards))
    monkeypatch.setattr(report, "read_card", cards.get)
    assert report.targets_sentence().split("Missed: ")[1] == (
        "doctor on `open` (0.800, not 0.700); doctor, blind on `unseen` (0.200, not 0.150)."
    )
    first, second = report.remaining_table(few=1).splitlines()[2:]
    assert first == "| doctor | name 0.150 | name 0.150 | +0.100 |"
    assert second == "| doctor, blind | name 0.200 | name 0.200 | not measured yet |"
    assert "name 0.150, address 0.020 |" in report.remaining_table()


def test_the_time_to_the_papers_error_is_read_from_two_studies(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "studies_folder", lambda: tmp_path)
    assert report.time_sentence() == "not measured yet"
    for name, errors in zip(report.TIMED, ([3.0, 1.5, 1.4], [3.0, 2.0, 1.2]), strict=True):
        log = {"seconds": [300, 600, 900], "character_error": errors}
        card = {"training": {"log": log}, "data": {"users": 8}}
        card["recipe"] = {"product_dtype": "bfloat16"}
        (tmp_path / f"{name.replace(' ', '_')}.json").write_text(json.dumps(card))
    said = report.time_sentence()
    assert said.startswith("On two cores, with matrix products in bfloat16, the default recipe")
    assert "after 10.0 minutes, an earlier recipe after 15.0 minutes: 1.5 times as long." in said
    log["character_error"] = [3.0, 2.0, 1.6]
    (tmp_path / "time_to_1.5.json").write_text(json.dumps(card))
    assert report.time_sentence() == "not measured yet"


def audited(folder, audits):
    """Audits kept in folders of pairs, as `aalprivacy audit --out` writes them."""
    for name, findings in audits.items():
        (folder / name).mkdir(exist_ok=True)
        kept = {name: {"findings": to_rows(findings)}}
        (folder / name / "audit.json").write_text(json.dumps(kept))


def test_remedies_stand_beside_a_rule_and_a_cipher(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "pair_folder", lambda name: tmp_path / name)
    heads = report.remedies_table().splitlines()
    assert [line.split(" | ")[0] for line in heads[2:]] == [
        "| the view by rule, sealed", "| codes in float32", "| codes of blind pairs, float32",
        "| codes in float16", "| codes in int8", "| small codes", "| noise",
    ]  # fmt: skip
    assert "| the view by rule, sealed | not measured yet | not measured yet" in heads[2]
    assert report.told_sentence() == "not measured yet"
    assert report.security_claims()[0].answer == "not measured yet"

    def read(attack, setting, error):
        return Finding(attack, setting, CHARACTER_ERROR, error, error, error, 60.0, 0.3)

    def cost(attack, setting, measure, value):
        return Finding(attack, setting, measure, *[value] * 5)

    def told(attack, setting, low):
        by = replace(setting, known=10_000)
        return Finding(attack, by, "first letter", low, low, low, 0.5, 1.0, "name", "D")

    rule, codes, small = "remedy: rule and cipher", "remedy: rounding", "remedy: small codes"
    reads = f"{small}, receiver reads"
    whole, few = Setting("whole codes", 2048), Setting("small codes of 60 bytes", 60)
    audited(tmp_path, {
        "researcher": [
            read(rule, Setting(), 0.0), cost(rule, Setting(), BYTES, 99.0),
            cost(rule, Setting(), TIME, 0.04), read(codes, Setting("float32"), 0.3),
            cost(codes, Setting("float32"), BYTES, 2048.0), read(codes, Setting("int8"), 0.4),
            told("insider, linear probe", whole, 0.6), told("insider, neural probe", whole, 0.4),
            read(reads, whole, 0.3), told(f"{small}, linear probe", whole, 0.6),
            read(reads, few, 4.5), cost(reads, few, BYTES, 59.6),
            told(f"{small}, linear probe", few, 0.4),
        ],
        "researcher.blind": [
            read(codes, Setting("float32"), 0.1), read(codes, Setting("int8"), 0.2),
            told("insider, linear probe", whole, 0.4),
        ],
    })  # fmt: skip
    table = report.remedies_table()
    assert "| the view by rule, sealed | 99 | 0.04 | 0.00 | there is no code |" in table
    assert "| codes in float32 | 2,048 | not measured yet | 0.30 | 1 of 1 |" in table
    assert (
        "| codes of blind pairs, float32 | not measured yet | not measured yet | 0.10 | 0 of 1"
        in table
    )
    assert "| small codes of 60 bytes | 60 | as in float32 | 4.50 | 0 of 1 |" in table
    assert "| codes in int8 | not measured yet | not measured yet | 0.40 | not tested" in table
    assert report.told_sentence().startswith(
        "How many hidden attributes do the researcher's codes tell something of? Of 1 if 10,000 "
    )
    answers = {claim.question.asks: claim.answer for claim in report.security_claims()}
    assert answers["Do small codes hide what the view hides?"] == "No"
    assert answers["Do a blind pair's codes tell what its view deletes or generalises?"] == "No"
    assert answers["Do codes tell what their view deletes or generalises?"] == "Yes"


def test_random_values_on_and_off_are_read_from_two_studies(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "studies_folder", lambda: tmp_path)
    assert report.security_claims()[-1].answer == "not measured yet"
    for name, low in zip(report.RANDOMISED, (0.9, 0.45), strict=True):
        found = Finding("membership, code and loss", Setting(), AREA, low, low, low, 0.5, 1.0)
        kept = {name: {"findings": to_rows([found])}}
        (tmp_path / f"{name}.audit.json").write_text(json.dumps(kept))
    assert report.security_claims()[-1].answer == "Yes"
    assert report.studies() == {}  # an audit is no card


def test_small_codes_are_compared_with_full_ones_on_the_same_entries(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "studies_folder", lambda: tmp_path)
    rows = [
        (name, "a b", kind, small, entries, size, error, 0.01)
        for name, more in (("doctor", 0.04), ("caregiver.blind", 0.06))
        for kind, small, entries, size, error in (
            ("float32", None, 10_000, 1900.0, 9.0), ("int8", None, 10_000, 480.0, 9.0),
            ("small", None, 10_000, 20.0, 9.0), ("float32", None, 100_000, 1900.4, 0.1),
            ("small", "c", 100_000, 123.4, 0.1 + more),
        )
    ]  # fmt: skip
    columns = ["pair", "fingerprints", "type", "small", "entries", "bytes", "character_error",
               "standard_error"]  # fmt: skip
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "codes.csv", index=False)
    table, told = report.code_sizes_table().split("\n\n")
    assert table.splitlines()[2:] == [
        "| doctor | 100,000 | 1,900 | 123 | 0.100 ± 0.010 | 0.140 ± 0.010 |",
        "| caregiver, blind | 100,000 | 1,900 | 123 | 0.100 ± 0.010 | 0.160 ± 0.010 |",
    ]
    assert told.endswith("Missed: caregiver, blind (123 bytes, +0.060).")


def curves_of(**ends):
    """Two validations of each training: 9 wrong characters, then those given."""
    rows = [
        (name, update, 32 * update, 1, error, 2 * error, 3 * error)
        for name, end in ends.items()
        for update, error in ((500, 9.0), (6000, end))
    ]
    columns = ["training", "update", "entries", "seconds", "unseen", "open", "disturbed"]
    return pd.DataFrame(rows, columns=columns).replace({"_": " "}, regex=True)


def test_ingredients_are_told_from_luck_by_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "studies_folder", lambda: tmp_path)
    curves = curves_of(without_windows=50.0, full_recipe=1.0, without_places=1.5, full_recipe_2=2.0)
    curves.to_csv(tmp_path / "ingredients.csv", index=False)
    table, told = report.ingredients_table().split("\n\n")
    names = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
    assert names == ["full recipe", "full recipe 2", "without places", "without windows"]
    assert "| without windows | 6,000 | 192,000 | 50.00 | 100.00 | 150.00 | 33.3 |" in table
    assert told == (
        "The full recipe has 1.00 to 2.00 wrong characters on people never seen. Clearly more: "
        "without windows. Too close to tell: without places. The full recipe has 2.00 to 4.00 "
        "wrong characters with new words. Clearly more: without windows. Too close to tell: "
        "without places."
    )
    assert report.ingredients_sentence() == told
    better = curves.replace({"unseen": {1.5: 0.0, 1.0: 1.1}})
    better.to_csv(tmp_path / "ingredients.csv", index=False)
    assert "Clearly fewer: without places." in report.ingredients_sentence()
    curves[:4].to_csv(tmp_path / "ingredients.csv", index=False)
    assert report.ingredients_sentence() == (
        "The full recipe has 1.00 wrong characters on people never seen. The full recipe has 2.00 "
        "wrong characters with new words."
    )


def test_the_paper_s_recipe_is_told_as_far_as_it_went(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "studies_folder", lambda: tmp_path)
    curve = pd.DataFrame(
        {"training": "batches of 8", "update": [1, 2], "entries": [8000, 16_000], "seconds": 1,
         "own test": [60.0, 1.6], "unseen": [61.0, 9.0], "open": [62.0, 20.0]}
    )  # fmt: skip
    curve.to_csv(tmp_path / "paper_recipe.csv", index=False)
    assert report.paper_recipe_sentence() == (
        "No training reached the paper's 1.5. With batches of 8, after 16,000 entries in 2 "
        "updates, the error is 1.6 on other entries of its own users, 9.0 on other users, and 20.0 "
        "with new words."
    )
    both = pd.concat([curve, curve[:1].assign(training="batches of 4", **{"own test": 58.0})])
    both.to_csv(tmp_path / "paper_recipe.csv", index=False)
    assert report.paper_recipe_sentence().endswith(
        "After 1 updates each, the error is 58.0 (batches of 4), 60.0 (batches of 8) on other "
        "entries of their own users."
    )
    curve.assign(**{"own test": [60.0, 1.5]}).to_csv(tmp_path / "paper_recipe.csv", index=False)
    assert report.paper_recipe_sentence().startswith(
        "With batches of 8 the error was 1.5 after 16,000 entries."
    )


def test_the_values_that_the_paper_s_recipe_learned(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "studies_folder", lambda: tmp_path)
    pd.DataFrame(
        {"attribute": ["phone_number", "gender"], "own test": [0.004, 0.98],
         "another code": [0.003, 0.5], "unseen": [0.002, 0.97], "open": [0.001, 0.96],
         "commonest": [0.0, 0.55], "wrong": [6.5, 0.125]}
    ).to_csv(tmp_path / "paper_recipe_values.csv", index=False)  # fmt: skip
    assert report.paper_recipe_values_table().splitlines()[2:] == [
        "| phone number | 0.4% | 0.3% | 0.0% | 0.2% | 0.1% | 6.50 |",
        "| gender | 98.0% | 50.0% | 55.0% | 97.0% | 96.0% | 0.12 |",
    ]


def test_the_paper_s_recipe_is_told_at_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "studies_folder", lambda: tmp_path)
    pd.DataFrame(
        {"training": "batches of 8", "update": 1000, "people": ["own test", "open"],
         "entries": 5000, "character_error": [1.5, 20.25], "standard_error": [0.1, 0.25],
         "exact": [0.5, 0.0], "given": [0.5, 7.0]}
    ).to_csv(tmp_path / "paper_recipe_ends.csv", index=False)  # fmt: skip
    assert report.paper_recipe_ends_table().splitlines()[2:] == [
        "| own test | 5,000 | 1.50 ± 0.10 | 50.0% | 0.50 |",
        "| open | 5,000 | 20.25 ± 0.25 | 0.0% | 7.00 |",
    ]
    pd.DataFrame(
        {"people": ["own test", "open"], "expected": ["a|1", "b|2"], "written": ["a|1", "c|3"]}
    ).to_csv(tmp_path / "paper_recipe_lines.csv", index=False)
    assert report.paper_recipe_lines().splitlines() == [
        "```text",
        "own test  right    a|1",
        "          written  a|1",
        "",
        "open      right    b|2",
        "          written  c|3",
        "```",
    ]


@pytest.mark.slow
def test_the_report(tmp_path):
    told = []
    written = write_report(tmp_path, told.append, entries=40, updates=20)
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
    security = report.security_claims()
    assert page.count('<td class="verdict">') == 7 + len(security)
    for claim in security:
        for text in (claim.question.asks, claim.measured, claim.answer):
            assert escape(text) in page
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["researcher"]["unseen"]["entries"] == 40
    assert "### family member\n\n| test set | entries |" in (tmp_path / "results.md").read_text()
    assert "researcher: the first 20 entries" in (tmp_path / "examples.txt").read_text()
    svg = (tmp_path / "figure-1.svg").read_text()
    assert "forget" in svg  # text stays text
    assert "<dc:date>" not in svg
