"""The figure of what views give away and what they are good for."""

from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from aalprivacy.attributes import in_words
from aalprivacy.plotting.style import GREY, INK, SERIES, STYLE

Point = tuple[float, float, float, float]


def utility_against_risk(
    panels: Mapping[str, Mapping[str, Mapping[str, Point]]], title: str, known: Sequence[str]
) -> Figure:
    """How well outcomes are predicted from each view, by how many people are found in it.

    Parameters
    ----------
    panels
        Name of a table -> outcome -> view -> share of people who are found, and the area under the
        ROC curve with its interval: ``(found, auc, low, high)``.
    title
        What the figure shows.
    known
        What is known of people to find them, for each panel in words.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(panels), 4.2))
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (name, outcomes), what in zip(every, panels.items(), known, strict=True):
            for (outcome, views), line in zip(outcomes.items(), ("-", "--", ":"), strict=False):
                points = sorted(views.items(), key=lambda item: item[1][0])
                axes.plot(
                    [p[0] for _, p in points], [p[1] for _, p in points], line,
                    color=GREY, linewidth=1, zorder=1, label=outcome,
                )  # fmt: skip
            labelled: set[str] = set()
            for views in outcomes.values():
                for (view, (found, auc, low, high)), style in zip(
                    views.items(), SERIES, strict=False
                ):
                    colour, marker = style
                    axes.errorbar(
                        found, auc, [[auc - low], [high - auc]], fmt=marker, color=colour,
                        capsize=2, markersize=6, zorder=2,
                        label=in_words(view) if view not in labelled else None,
                    )  # fmt: skip
                    labelled.add(view)
            axes.axhline(0.5, color=INK, linewidth=0.6, linestyle=(0, (1, 3)))
            axes.set_title(name, loc="left", fontsize=9)
            axes.set_xlabel(f"people found by {what}", fontsize=8)
            axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
            axes.set_xlim(0, 1.04)
            axes.legend(frameon=False, fontsize=8, loc="lower right")
        every[0].set_ylabel("area under the ROC curve (95 %); a coin has 0.5")
        every[0].set_ylim(0.45, 1.0)
    return figure
