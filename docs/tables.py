"""The tables and sentences of README and these pages that are made from measurements.

``python docs/tables.py`` makes them again, each between its marks ``<!-- NAME -->``. Their only
sources are the cards and audits of pairs, and the files of `examples`.
"""

import json
from collections.abc import Callable
from pathlib import Path

from aalprivacy import report
from aalprivacy.atomic import write_text
from aalprivacy.attributes import in_words

ROOT = Path(__file__).resolve().parent.parent
NHANES = ROOT / "examples" / "nhanes"
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))


def nhanes() -> str:
    """What views of real people give away, and how good the pairs trained on real people are."""
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
            f"{about['missing_right']:.2%} |"
        )
    head = (
        "| pair | minutes | wrong characters per entry | well-formed | missing values right |\n"
        "| --- | --- | --- | --- | --- |\n"
    )
    people = score["entries"]
    return f"{said}\n\nThree pairs, on {people} people that they never saw:\n\n{head}" + "\n".join(
        rows
    )


MADE: dict[str, Callable[[], str]] = {
    "claims": report.claims_table,
    "results": report.results_table,
    "studies": report.studies_table,
    "verdicts": report.verdicts_table,
    "nhanes": nhanes,
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
