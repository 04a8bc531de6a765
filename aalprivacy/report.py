"""What `aalprivacy reproduce` writes: the figures and tables of the shipped pairs."""

import json
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
    results, tables, examples = {}, [], []
    for receiver in aalprivacy.shipped_receivers():
        say(f"{receiver}: encoding and decoding the test sets")
        pair = aalprivacy.load_pair(receiver)
        codes = pair.encode(to_tokens(to_lines(entries[:8])))
        save(plotting.code_strip(codes, [str(i) for i in range(8)]), f"{receiver}-codes.png")
        scores = evaluation.evaluate_all(pair)
        results[receiver] = evaluation.to_dict(scores)
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
    for name, text in (
        ("results.json", json.dumps(results, indent=2) + "\n"),
        ("results.md", "\n".join(tables) + "\n"),
        ("examples.txt", "\n".join(examples) + "\n"),
    ):
        files.write_text(text, folder / name)
        written.append(folder / name)
    return written


def _markdown(frame: pd.DataFrame) -> str:
    lines = [
        "| test set | " + " | ".join(frame.columns) + " |",
        "|" + " --- |" * (frame.shape[1] + 1),
    ]
    for key, row in frame.iterrows():
        cells = [f"{v:,.0f}" if c == "entries" else f"{v:.3f}" for c, v in row.items()]
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
