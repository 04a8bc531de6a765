"""The tables and sentences of README and these pages that are made from what was measured.

``python docs/tables.py`` makes them anew, each between its marks ``<!-- NAME -->``. Pairs' cards,
audits and the files of `examples` are their only source.
"""

import json
from collections.abc import Callable
from pathlib import Path

from aalprivacy import report
from aalprivacy.atomic import write_text
from aalprivacy.attributes import in_words
from aalprivacy.audit.measure import AREA
from aalprivacy.audit.verdicts import UNKNOWN

ROOT = Path(__file__).resolve().parent.parent
NHANES = ROOT / "examples" / "nhanes"
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))


def nhanes() -> str:
    """What views of real people give away, and how good the pairs are that were trained on them."""
    said = json.loads((NHANES / "risk.json").read_text("utf-8"))["verdict"]
    path = NHANES / "pairs.json"
    pairs = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if not pairs:
        return said
    rows = []
    for name, about in pairs.items():
        score = about["score"]
        rows.append(
            f"| {in_words(name)} | {about['minutes']:.0f} | {score['character_error']:.2f} ± "
            f"{score['standard_error']:.2f} | {score['well_formed']:.2%} | "
            f"{about['missing_right']:.2%} | {_remembers(about)} |"
        )
    head = (
        "| pair | minutes | wrong characters per entry | well-formed | missing values right | "
        "trained on or not: area (95 %) |\n| --- | --- | --- | --- | --- | --- |\n"
    )
    people = score["entries"]
    return f"{said}\n\nThree pairs, on {people} people that they never saw:\n\n{head}" + "\n".join(
        rows
    )


def _remembers(about: dict) -> str:
    """How well a pair's key tells people trained on from others, at most; a coin has 0.5."""
    areas = [f for f in about.get("memory", ()) if f["measure"] == AREA]
    if not areas:
        return UNKNOWN
    most = max(areas, key=lambda finding: finding["value"])
    return f"{most['value']:.2f} ({most['low']:.2f} to {most['high']:.2f})"


MADE: dict[str, Callable[[], str]] = {
    "claims": report.claims_table,
    "results": report.results_table,
    "studies": report.studies_table,
    "verdicts": report.verdicts_table,
    "remedies": report.remedies_table,
    "nhanes": nhanes,
}


def made_anew(text: str) -> str:
    """A page's text with all between its marks made anew."""
    for name, make in MADE.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if begin in text:
            before, rest = text.split(begin)
            text = before + begin + make() + "\n" + end + rest.split(end)[1]
    return text


if __name__ == "__main__":
    for page in PAGES:
        write_text(made_anew(page.read_text("utf-8")), page)
