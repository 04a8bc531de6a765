"""Writes the tables and sentences of READMEs and these pages that come from measurements.

``python docs/tables.py`` replaces each of them, between its marks ``<!-- NAME -->``. Their only
sources are the cards and audits of pairs, the package's studies, and the files of `examples`.
"""

import json
import runpy
from collections.abc import Callable
from pathlib import Path

from aalprivacy import evaluation, report
from aalprivacy.atomic import write_text
from aalprivacy.attributes import in_words
from aalprivacy.audit.measure import AREA
from aalprivacy.audit.verdicts import UNKNOWN

ROOT = Path(__file__).resolve().parent.parent
NHANES, NOTES = ROOT / "examples" / "nhanes", ROOT / "examples" / "notes"
DEALT = (
    '"Each other\'s notes" are the same entries, but each has the note of another person. '
    "The rule then keeps the names in it. A pair that had only learned to delete what follows "
    '"mr" would fail here.'
)
SHOWN = 6  # notes of each kind of examples; figures.json has twelve
PAGES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted(ROOT.glob("docs/*.md")))


def nhanes() -> str:
    """What views of real people give away, and how good the pairs trained on real people are."""
    said = json.loads((NHANES / "risk.json").read_text("utf-8"))["verdict"]
    pairs = json.loads((NHANES / "pairs.json").read_text("utf-8"))
    columns = ["pair", "minutes", "wrong characters per entry", "entries without an error",
               "well-formed", "missing values right", "membership attack: area (95 %)"]  # fmt: skip
    rows = []
    for name, about in pairs.items():
        score = about["score"]
        rows.append([
            in_words(name),
            f"{about['minutes']:.0f}",
            f"{score['character_error']:.3f} ± {score['standard_error']:.3f}",
            f"{score['exact']:.1%}",
            f"{score['well_formed']:.2%}",
            f"{about['missing_right']:.2%}",
            _remembers(about),
        ])  # fmt: skip
    return (
        f"{said}\n\nThree pairs were trained, each once. On {score['entries']} people that they "
        f"never saw they have:\n\n{report.markdown_table(columns, rows)}\n\n"
        "The last column says how well an attacker can tell who was in the training of a pair: the "
        "area under the ROC curve, where 0.5 is a coin."
    )


def _remembers(about: dict) -> str:
    """The area under the ROC curve of the best membership attack on a pair; a coin has 0.5."""
    areas = [f for f in about.get("memory", ()) if f["measure"] == AREA]
    if not areas:
        return UNKNOWN
    most = max(areas, key=lambda finding: finding["value"])
    return f"{most['value']:.2f} ({most['low']:.2f} to {most['high']:.2f})"


def notes() -> str:
    """How well a pair reads nurses' notes, with the figures of `examples/notes/show.py`."""
    found = json.loads((NOTES / "figures.json").read_text("utf-8"))
    of = runpy.run_path(str(NOTES / "show.py"))
    claim, table = of["examine"](found["found"]), of["rows"](found["found"])
    verdict = (
        f"{claim.question.asks} (section VI of the paper) **{claim.answer}**: {claim.measured}. "
        f"The rule: {claim.question.claimed}, if {claim.question.rule}."
    )
    table = report.markdown_table(["", *found["found"]], table)
    examples = (
        f"{kind.capitalize()}, drawn by seed:\n\n{_examples(some[:SHOWN])}"
        for kind, some in found["examples"].items()
    )
    card = json.loads((NOTES / "researcher" / "card.json").read_text("utf-8"))
    updates, took = card["recipe"]["updates"], evaluation.minutes(card)
    told = (
        f"{verdict}\n\nThe pair was trained once, with {updates:,} updates in "
        f"{took:.0f} minutes. On people that it never saw:\n\n{table}\n\n{DEALT}"
    )
    return "\n\n".join([told, *examples])


def _examples(notes: list[dict[str, str]]) -> str:
    # As code: a star would begin an emphasis.
    rows = [
        [f"`{note['entry']}`", f"`{note['by rule']}`",
         "the same" if note["decoded"] == note["by rule"] else f"`{note['decoded']}`"]
        for note in notes
    ]  # fmt: skip
    return report.markdown_table(["note in the entry", "by rule", "decoded"], rows)


MADE: dict[str, Callable[[], str]] = {
    "claims": report.claims_table,
    "audited": report.audited_sentence,
    "results": report.results_table,
    "remaining": report.remaining_table,
    "sizes": report.code_sizes_table,
    "targets": report.targets_sentence,
    "time": report.time_sentence,
    "paper_recipe": report.paper_recipe_ends_table,
    "studies": report.studies_table,
    "ingredients": report.ingredients_table,
    "verdicts": report.verdicts_table,
    "told": report.told_sentence,
    "remedies": report.remedies_table,
    "nhanes": nhanes,
    "notes": notes,
}


def made_anew(text: str) -> str:
    """A page's text in which everything between the marks is made again."""
    for name, make in MADE.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if begin in text:
            before, rest = text.split(begin)
            text = before + begin + make() + "\n" + end + rest.split(end)[1]
    return text


if __name__ == "__main__":
    for page in PAGES:
        write_text(made_anew(page.read_text("utf-8")), page)
