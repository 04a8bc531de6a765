"""What `aalprivacy reproduce` writes: the figures and tables of the shipped pairs."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

import aalprivacy
from aalprivacy import evaluation, files, plotting
from aalprivacy.policy import TABLE_I
from aalprivacy.text import to_lines, to_tokens
from aalprivacy.views import apply_policy


def write_report(folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Run the main job of every shipped pair and write what comes out.

    Parameters
    ----------
    folder
        An existing folder.
    say
        Told what is being done.

    Returns
    -------
    The files written: PNG figures, ``results.json``, ``results.md``, ``examples.txt``.
    """
    written: list[Path] = []

    def save(figure, name: str) -> None:
        path = folder / name
        files.write_figure(figure, path)
        written.append(path)

    entries = evaluation.make_test_set("unseen", 20)
    first = entries.iloc[0]
    views = {r: apply_policy(entries[:1], TABLE_I, r).iloc[0] for r in TABLE_I.receivers}
    save(plotting.view_table(first, views), "views.png")
    pairs = {r: aalprivacy.load_pair(r) for r in aalprivacy.shipped_receivers()}
    results, tables, examples, unseen = {}, [], [], {}
    for receiver, pair in pairs.items():
        say(f"{receiver}: encoding and decoding the test sets")
        codes = pair.encode(to_tokens(to_lines(entries[:8])))
        save(plotting.code_strip(codes, [str(i) for i in range(8)]), f"{receiver}-codes.png")
        scores = evaluation.evaluate_all(pair)
        results[receiver], unseen[receiver] = evaluation.to_dict(scores), scores["unseen"]
        tables.append(f"### {receiver}\n\n{_markdown(evaluation.to_frame(scores))}\n")
        save(plotting.attribute_errors(scores), f"{receiver}-attributes.png")
        log = pair.card.get("training", {}).get("log")
        if log:
            save(plotting.learning_curve(pd.DataFrame(log)), f"{receiver}-learning.png")
        decoded = evaluation.decode_entries(pair, entries)
        expected = to_lines(apply_policy(entries, TABLE_I, receiver))
        examples += [f"{receiver}: the first twenty entries of the test set `unseen`", ""]
        examples += [
            plotting.marked(got, want) for got, want in zip(decoded, expected, strict=True)
        ]
    save(plotting.error_distribution(unseen), "errors.png")
    save(plotting.single_errors(unseen), "single-errors.png")
    say("decoding with the wrong decoders")
    found = evaluation.cross(pairs, evaluation.make_test_set("unseen"))
    save(plotting.mismatch_matrix(found), "mismatch.png")
    for name, text in (
        ("results.json", json.dumps(results, indent=2) + "\n"),
        ("results.md", "\n".join(tables) + "\n"),
        ("examples.txt", "\n".join(examples) + "\n"),
    ):
        files.write_text(text, folder / name)
        written.append(folder / name)
    return written


def results_table() -> str:
    """The shipped pairs' test figures, from their cards, as a table in Markdown.

    ``python -m aalprivacy.report README.md`` puts it into that file, between its marks.
    """
    lines = [
        "| receiver | trained for | entries a test set | seen | unseen | open | well-formed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for receiver in aalprivacy.shipped_receivers():
        card = aalprivacy.read_card(receiver)
        test = card["test"]
        errors = [
            f"{test[kind]['character_error']:.3f} ± {test[kind]['standard_error']:.3f}"
            for kind in evaluation.TEST_SETS
        ]
        cells = [
            receiver.replace("_", " "),
            f"{card['training']['seconds'] / 60:.0f} min",
            f"{test['unseen']['entries']:,}",
            *errors,
            f"{min(test[kind]['well_formed'] for kind in evaluation.TEST_SETS):.2%}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def put_results_into(text: str) -> str:
    """A page's text with the table of results between its marks made anew."""
    begin, end = "<!-- results -->\n", "\n<!-- end of results -->"
    before, rest = text.split(begin)
    return before + begin + results_table() + end + rest.split(end)[1]


def _markdown(frame: pd.DataFrame) -> str:
    lines = [
        "| test set | " + " | ".join(frame.columns) + " |",
        "|" + " --- |" * (frame.shape[1] + 1),
    ]
    for key, row in frame.iterrows():
        cells = [f"{v:,.0f}" if c == "entries" else f"{v:.3f}" for c, v in row.items()]
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    files.write_text(put_results_into(page.read_text()), page)
