"""What a person sees: every figure, one function each, returning a matplotlib `Figure`."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rapidfuzz.distance import Levenshtein

from aalprivacy.attributes import ATTRIBUTES, DELETED
from aalprivacy.evaluation import Score

# Okabe & Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
LABELS = {a.name: a.label for a in ATTRIBUTES}
_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "figure.constrained_layout.use": True,
}


def view_table(entry: pd.Series, views: dict[str, pd.Series]) -> Figure:
    """One entry and its views side by side, coloured by what happened to each value.

    Parameters
    ----------
    entry
        The twenty values.
    views
        Receiver -> the twenty values of its view.
    """
    with matplotlib.rc_context(_STYLE):
        columns = ["entry", *views]
        figure = Figure(figsize=(12, 5.6))
        axes = figure.subplots()
        axes.axis("off")
        cells, colours = [], []
        for name in LABELS:
            row, shades = [entry[name]], ["white"]
            for view in views.values():
                value = view[name]
                row.append(value)
                shades.append(
                    "#EFEFEF"
                    if value == DELETED
                    else "#DCEBF5"
                    if value == entry[name]
                    else "#FBEBC8"
                )
            cells.append(row)
            colours.append(shades)
        table = axes.table(
            cells,
            cellColours=colours,
            rowLabels=list(LABELS.values()),
            colLabels=[c.replace("_", " ") for c in columns],
            cellLoc="left",
            loc="upper center",
            colWidths=[0.21, *[0.17] * len(views)],
            bbox=[0.12, 0.0, 0.88, 0.95],
        )
        table.auto_set_font_size(False)
        table.set_fontsize(8)
        for cell in table.get_celld().values():
            cell.set_edgecolor("white")
        axes.set_title("blue: disclosed   yellow: generalised   grey: deleted", fontsize=9)
        return figure


def code_strip(codes: np.ndarray, labels: list[str] | None = None) -> Figure:
    """Codes as heat strips: one row a code, its states ``h`` and ``c`` beside each other.

    Parameters
    ----------
    codes
        float32 ``(n, 2 units)``.
    labels
        Names of the rows.
    """
    codes = np.atleast_2d(codes)
    units = codes.shape[1] // 2
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(11, 0.9 + 0.28 * max(2, len(codes))))
        for axes, part, letter in zip(
            figure.subplots(1, 2), (codes[:, :units], codes[:, units:]), "hc", strict=True
        ):
            limit = float(np.abs(part).max()) or 1.0
            image = axes.imshow(
                part, aspect="auto", cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest"
            )
            axes.set_xlabel(f"unit of {letter}")
            axes.set_yticks(range(len(codes)), labels or [""] * len(codes))
            figure.colorbar(image, ax=axes, label=f"value of {letter}")
        return figure


def marked(decoded: str, expected: str) -> str:
    """A decoded line and, under it, a mark at every character to be edited.

    ``^`` is a character too much or wrong, ``v`` marks where one is missing before.
    """
    marks = [" "] * (len(decoded) + 1)
    for edit in Levenshtein.editops(decoded, expected):
        marks[edit.src_pos] = "v" if edit.tag == "insert" else "^"
    return decoded + "\n" + "".join(marks).rstrip()


def attribute_errors(scores: dict[str, Score]) -> Figure:
    """Character error of each attribute, one bar a test set."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(7.5, 6.5))
        axes = figure.subplots()
        height = 0.8 / len(scores)
        places = np.arange(len(LABELS))
        for i, ((kind, score), colour) in enumerate(
            zip(scores.items(), (BLUE, ORANGE, GREEN), strict=False)
        ):
            axes.barh(
                places + i * height,
                [score.attributes[n] for n in LABELS],
                height,
                color=colour,
                label=f"{kind}: {score.character_error:.2f} in all",
            )
        axes.set_yticks(places + 0.4 - height / 2, list(LABELS.values()))
        axes.invert_yaxis()
        axes.set_xlabel("character error (mean Levenshtein distance an entry)")
        axes.legend(frameon=False, loc="best")
        return figure


def learning_curve(log: pd.DataFrame) -> Figure:
    """A training's validation character error and window over time, from its ``log.csv``."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(7, 3.4))
        upper = figure.subplots()
        minutes = log["seconds"] / 60
        upper.semilogy(minutes, log["character_error"], color=BLUE, marker=".")
        upper.set_ylabel("character error, validation", color=BLUE)
        upper.set_xlabel("minutes of training")
        lower = upper.twinx()
        lower.spines["right"].set_visible(True)
        lower.step(minutes, log["window"], color=ORANGE, where="post")
        lower.set_ylabel("attributes a window", color=ORANGE)
        lower.set_yticks(range(0, len(LABELS) + 1, 5))
        return figure
