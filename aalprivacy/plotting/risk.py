"""The figure of the risk and the utility of views."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.ticker import PercentFormatter

from aalprivacy.attributes import in_words
from aalprivacy.plotting.style import GREY, INK, SERIES, STYLE, Drawing

Point = tuple[float, float, float, float]


def utility_against_risk(
    panels: Mapping[str, Mapping[str, Mapping[str, Point]]], title: str, known: Sequence[str]
) -> Drawing:
    """How well outcomes are predicted from each view, against the share of people found in it.

    Parameters
    ----------
    panels
        Name of a table -> outcome -> view -> share of people who are found, and the area under the
        ROC curve with its interval: ``(found, auc, low, high)``.
    title
        The title.
    known
        For each panel, the attributes that an attacker knows, in words.
    """
    views = dict.fromkeys(v for outcomes in panels.values() for o in outcomes.values() for v in o)
    looks = dict(zip(views, SERIES, strict=False))
    lines = dict.fromkeys(outcome for outcomes in panels.values() for outcome in outcomes)
    lines = dict(zip(lines, ("-", "--", ":"), strict=False))
    with matplotlib.rc_context(STYLE):
        figure = Drawing(3.4 * len(panels), 4.6, title)
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        handles = {}
        for axes, (name, outcomes), what in zip(every, panels.items(), known, strict=True):
            for outcome, points in outcomes.items():
                ordered = sorted(points.values())
                (handles[outcome],) = axes.plot(
                    [p[0] for p in ordered], [p[1] for p in ordered], lines[outcome],
                    color=GREY, linewidth=1, zorder=1,
                )  # fmt: skip
                for view, (found, auc, low, high) in points.items():
                    colour, marker, _ = looks[view]
                    handles[in_words(view)] = axes.errorbar(
                        found, auc, [[auc - low], [high - auc]], fmt=marker, color=colour,
                        capsize=2, markersize=6, zorder=2,
                    )  # fmt: skip
            axes.axhline(0.5, color=INK, linewidth=0.6, linestyle=(0, (1, 3)))
            axes.set_title(name, loc="left", fontsize=9)
            axes.set_xlabel(textwrap.fill(f"people found by {what}", 48), fontsize=8)
            axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
            axes.set_xlim(0, 1.04)
        every[0].set_ylabel("area under the ROC curve (95 %); a coin has 0.5", fontsize=8)
        every[0].set_ylim(0.45, 1.0)
        names = sorted(handles, key=lambda name: name in lines)
        figure.legend(
            [handles[name] for name in names], names, loc="outside lower center",
            ncols=(len(names) + 1) // 2, frameon=False, fontsize=8,
        )  # fmt: skip
    best = [
        f"{name}: {'; '.join(_in_words(outcome, points) for outcome, points in outcomes.items())}"
        for name, outcomes in panels.items()
    ]
    figure.details = f"People found, area under the curve. {'. '.join(best)}"
    return figure


def _in_words(outcome: str, points: Mapping[str, Point]) -> str:
    each = [f"{in_words(view)} {found:.0%}, {auc:.2f}" for view, (found, auc, *_) in points.items()]
    return f"{outcome}: {'; '.join(each)}"
