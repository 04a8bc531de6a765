"""Figures of attacks: what attackers and wrong decoders can read in codes."""

from itertools import cycle

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, PercentFormatter

from aalprivacy.attributes import in_words
from aalprivacy.audit.measure import CHARACTER_ERROR
from aalprivacy.evaluation import PAPER_ERROR, Mismatch
from aalprivacy.plotting.errors import heatmap
from aalprivacy.plotting.style import BLUE, GREY, INK, ORANGE, SERIES, STYLE, VERMILION, Drawing
from aalprivacy.policy import Operation
from aalprivacy.schema import Schema

NOTHING = 0.005  # a share that would be printed as 0 per cent


def mismatch_matrix(found: list[Mismatch]) -> Drawing:
    """Character error of every encoder with every decoder, and of guesses without an encoder.

    Parameters
    ----------
    found
        From `aalprivacy.evaluation.cross`.
    """
    encoders = list(dict.fromkeys(m.encoder for m in found))
    decoders = list(dict.fromkeys(m.decoder for m in found))
    error = {(m.encoder, m.decoder): m.character_error for m in found}
    rows = [[error[e, d] for d in decoders] for e in encoders]
    references = {m.decoder: (m.random_code, m.constant) for m in found}
    rows += [list(row) for row in zip(*(references[d] for d in decoders), strict=True)]
    labels = [f"code of {in_words(e)}" for e in encoders]
    matched = [m.character_error for m in found if m.encoder == m.decoder]
    others = [m for m in found if m.encoder != m.decoder]
    nothing = all(m.character_error >= m.constant for m in others)
    with matplotlib.rc_context(STYLE):
        title = "Wrong characters per entry, every decoder on every code"
        if nothing:
            title += ":\na wrong decoder does worse than one constant line"
        figure = Drawing(3 + 1.15 * len(decoders), 1.7 + 0.45 * len(rows), title)
        axes = figure.subplots()
        columns = [f"decoder of\n{in_words(d)}" for d in decoders]
        labels += ["a random code", "best constant line"]
        heatmap(axes, np.array(rows), labels, columns)
        axes.axhline(len(encoders) - 0.5, color="white", linewidth=4)
        for i, encoder in enumerate(encoders):
            if encoder in decoders:
                axes.text(decoders.index(encoder), i + 0.36, "matched", ha="center", fontsize=6.5)
        figure.details = f"Matched: {_span(matched, '.2f')}. " if matched else ""
        if others:
            figure.details += (
                f"Mismatched: {_span([m.character_error for m in others], '.0f')}. "
                f"The best constant line: {_span([m.constant for m in found], '.0f')}"
            )
        return figure


def _span(values: list[float], form: str) -> str:
    low, high = (format(end(values), form) for end in (min, max))
    return low if low == high else f"{low} to {high}"


def hits_and_chance(found: list[Mismatch], schema: Schema) -> Drawing:
    """Share of right values in views of mismatched decoders, compared with chance.

    There is one point for each attribute of each encoder with each decoder. Chance is the share of
    right values when the same views are assigned to the entries at random. A point on the diagonal
    is right only by chance.

    Parameters
    ----------
    found
        From `aalprivacy.evaluation.cross`.
    schema
        The schema of the pairs.
    """
    wrong = [m for m in found if m.encoder != m.decoder]
    points = {
        name: np.array([(m.chance[name], m.hits[name]) for m in wrong]) for name in schema.names
    }
    most = sorted(points, key=lambda name: -points[name].max())
    named = [name for name in most if points[name].max() >= 2 * NOTHING][: len(SERIES) - 1]
    rest = [name for name in schema.names if name not in named]
    excess = max(float(np.mean([m.hits[n] - m.chance[n] for n in schema.names])) for m in wrong)
    with matplotlib.rc_context(STYLE):
        figure = Drawing(
            7.6, 4.4, "Values that a wrong decoder has right, and that shuffled views have right"
        )
        axes = figure.subplots()
        axes.plot((0, 1), (0, 1), color=GREY, linestyle=":", zorder=0, label="as many as by chance")
        for name, (colour, marker, _) in zip(named, SERIES, strict=False):
            axes.plot(*points[name].T, marker, color=colour, fillstyle="none", markersize=7,
                      label=schema[name].label)  # fmt: skip
        if rest:
            together = np.concatenate([points[name] for name in rest])
            axes.plot(
                *together.T, ".", color=INK, markersize=5, label=f"{len(rest)} more attributes"
            )
        # Most shares are small: a square root scale spreads them.
        roots = {"functions": (lambda share: np.sqrt(np.maximum(share, 0)), np.square)}
        axes.set_xscale("function", **roots)
        axes.set_yscale("function", **roots)
        top = 1.08 * max(0.3, *(points[name].max() for name in points))
        axes.set(xlim=(0, top), ylim=(0, top), aspect="equal")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks([t for t in (0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1) if t < top])
            axis.set_major_formatter(PercentFormatter(1, 0))
        axes.set_xlabel("right when the views are dealt out at random")
        axes.set_ylabel("right in a wrong decoder's views")
        figure.legend(frameon=False, loc="outside right upper")
        figure.details = (
            f"All points lie near the diagonal: the most that a wrong decoder has right beyond "
            f"chance is {excess:.2%} of the values"
            if excess < NOTHING
            else f"The most that a wrong decoder has right beyond chance: {excess:.2%}"
        )
        return figure


def attack_curve(findings: pd.DataFrame, title: str = "") -> Drawing:
    """The error of attackers, against the number of entries that they know.

    The scale is relative: 1 is the error of the best guess without the code (the baseline), 0 is
    the error of the rightful reader (the control). Both differ between views.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame` with the character error of attackers who know entries.
        There is one line for each attack and own pair. The legend begins with the largest error.
    title
        The title, if it isn't the usual one.
    """
    own = findings["own"].map(in_words)
    # The marker shows the attack; colour and kind of line show the attacker's own pair.
    attacks, names = findings["attack"].unique(), sorted(own.unique())
    markers = {a: marker for a, (_, marker, _) in zip(attacks, cycle(SERIES), strict=False)}
    looks = {n: (colour, line) for n, (colour, _, line) in zip(names, cycle(SERIES), strict=False)}
    span = findings["baseline"] - findings["control"]
    left = {c: (findings[c] - findings["control"]) / span for c in ("value", "low", "high")}
    findings = findings.assign(**left)
    groups = dict(list(findings.groupby([findings["attack"], own], sort=False)))
    ordered = sorted(groups, key=lambda key: -groups[key].sort_values("known")["value"].iloc[-1])
    with matplotlib.rc_context(STYLE):
        figure = Drawing(8.8, 4.2, title or "The more entries an attacker knows, the more it reads")
        axes = figure.subplots()
        told = []
        for attack, name in ordered:
            rows = groups[attack, name].sort_values("known")
            colour, line = looks[name]
            spans = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
            label = f"{attack}, own pair: {name}" if name else attack
            axes.errorbar(rows["known"], rows["value"], spans, color=colour, linestyle=line,
                          marker=markers[attack], label=label, capsize=2)  # fmt: skip
            told.append(
                f"{label}, {rows['value'].iloc[-1]:.0%} with {rows['known'].iloc[-1]:,} known"
            )
        for y, label in ((1, "a guess\nwithout\nthe code"), (0, "the right\nkey")):
            axes.axhline(y, color=GREY, linestyle=":", zorder=0)
            axes.annotate(
                label, (1, y), xycoords=("axes fraction", "data"), xytext=(4, 0),
                textcoords="offset points", va="center", color=GREY,
            )  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda known, _: f"{known:,.0f}"))
        axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
        axes.set_ylim(bottom=-0.05)
        axes.set_xlabel("entries that the attacker knows")
        axes.set_ylabel("wrong characters left,\nof those of a guess")
        figure.legend(frameon=False, loc="outside right upper")
        figure.details = f"Wrong characters left: {'; '.join(told)}"
        return figure


def hidden_values(
    panels: dict[str, pd.DataFrame], title: str = "", schema: Schema | None = None
) -> Drawing:
    """What codes reveal of the values that a view hides: one row for each attribute and measure.

    Only rows in which codes reveal more than the view are drawn, the largest gain on top; a note
    gives the number of the others. If there is no such row, the three that come nearest are drawn.
    A row that a panel doesn't have is marked.

    Parameters
    ----------
    panels
        Title -> rows of `aalprivacy.audit.to_frame` of the insider's attacks. If several probes
        have the same attribute and measure, the one that is farthest above the view is drawn.
    title
        The title, if it isn't the usual one.
    schema
        Gives the attributes their labels; by default they are their names in words.
    """
    best = {}
    for name, findings in panels.items():
        findings = findings.assign(row=_hidden(findings, schema) + ": " + findings["measure"])
        findings = findings.reset_index(drop=True)
        above = findings["low"] - findings["baseline"]
        # Of attackers who are told nothing, the one who knows most entries.
        findings["rank"] = above.where(findings["beats_baseline"], findings["known"] - 1e9)
        best[name] = findings.loc[findings.groupby("row")["rank"].idxmax()]
    every = pd.concat(best.values())
    # Sorted by certainty, then by how much is revealed; rows are counted from below.
    every["gain"] = (every["value"] - every["baseline"]) + every["beats_baseline"]
    gains = every.groupby("row")[["gain", "beats_baseline"]].max()
    gains = gains.sort_values("gain", kind="stable")
    rows = list(gains.index[gains["beats_baseline"]]) or list(gains.index[-3:])
    left_out = len(gains) - len(rows)
    with matplotlib.rc_context(STYLE):
        figure = Drawing(3.4 + 3.6 * len(panels), 1.8 + 0.24 * max(2, len(rows)),
                         title or "What codes tell of values that the view hides")  # fmt: skip
        plots = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
        told = []
        for axes, (name, table) in zip(plots, best.items(), strict=True):
            table = table[table["row"].isin(rows)]
            places = [rows.index(row) for row in table["row"]]
            for place in set(range(len(rows))) - set(places):
                axes.annotate("not asked", (0, place), va="center", fontsize=8, color=GREY)
            axes.plot(table["baseline"], places, "o", color=ORANGE, fillstyle="none",
                      label="from the view alone")  # fmt: skip
            for telling, colour, marker, label in (
                (True, VERMILION, "D", "from the code: more than the view"),
                (False, BLUE, "s", "from the code: no more than the view"),
            ):
                part = (table["beats_baseline"] == telling).to_numpy()
                value = table["value"][part]
                spans = [value - table["low"][part], table["high"][part] - value]
                axes.errorbar(value, np.array(places)[part], xerr=np.maximum(spans, 0), fmt=marker,
                              markersize=4, color=colour, label=label)  # fmt: skip
            axes.set_yticks(range(len(rows)), rows)
            axes.set_xlim(-0.02, 1.02)
            axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
            axes.set_xlabel("share of people of whom it is told")
            if left_out and axes is plots[0]:
                others = "1 other" if left_out == 1 else f"{left_out} others"
                axes.set_xlabel(f"{axes.get_xlabel()}\n(and {others}: no more than the view)")
            axes.set_title(name)
            surely = table[table["beats_baseline"]].sort_values("value", ascending=False)
            each = [f"{row['row']} {row['value']:.0%} instead of {row['baseline']:.0%}"
                    for _, row in surely.iterrows()]  # fmt: skip
            told.append(f"{name}: {'; '.join(each) or 'nothing more than the view'}")
        handles, labels = plots[0].get_legend_handles_labels()
        figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=3,
                      fontsize=8)  # fmt: skip
        figure.details = "More than the view tells. " + ". ".join(told)
        return figure


def _hidden(findings: pd.DataFrame, schema: Schema | None = None) -> pd.Series:
    """The hidden attribute of each finding, and how the view hides it."""

    def label(name: str) -> str:
        return schema[name].label if schema else in_words(name)

    how = {Operation.GENERALISE: " (generalised)", Operation.DELETE: " (deleted)"}
    return findings["attribute"].map(label) + findings["operation"].map(how)


def noise_tradeoff(findings: pd.DataFrame) -> Drawing:
    """Noise on the codes: how much it costs the receiver, and how much it hides.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame` of the attack `aalprivacy.audit.Noise` on one pair.
    """
    # Sizes at equal distances: one of them is 0, which a log scale can't show.
    sizes, places = np.unique(findings["size"], return_inverse=True)
    findings = findings.assign(place=places).sort_values("place", kind="stable")
    reads = findings["attack"] == "remedy: noise, receiver reads"
    errors = findings[reads & (findings["measure"] == CHARACTER_ERROR)]
    told = findings[~reads]
    told = told.assign(hidden=_hidden(told), gain=100 * (told["value"] - told["baseline"]))
    # Of several questions about an attribute, the one whose answer tells most.
    told = told.sort_values(["place", "beats_baseline", "gain"], kind="stable")
    told = told.drop_duplicates(["place", "hidden"], keep="last")
    telling = told["beats_baseline"].groupby(told["hidden"]).any()
    first = told[told["place"] == 0].set_index("hidden")["gain"]
    named = sorted(telling.index[telling], key=lambda name: -first.get(name, 0))
    with matplotlib.rc_context(STYLE):
        figure = Drawing(11, 3.9, "Noise on the codes: what it costs the receiver, what it hides")
        left, right = figure.subplots(1, 2)
        wrong = errors["value"]
        left.plot(errors["place"], wrong.where(wrong > 0), color=BLUE, marker="o")
        none = errors["place"][wrong == 0]
        if len(none):  # a log scale has no zero: draw it at the bottom
            foot = left.get_xaxis_transform()
            left.plot(none, [0] * len(none), "o", color=BLUE, clip_on=False, transform=foot)
            left.annotate("none wrong", (none.iloc[0], 0), xycoords=foot, xytext=(6, 4),
                          textcoords="offset points", color=BLUE)  # fmt: skip
        constant = errors["baseline"].iloc[0]
        for y, label in (
            (constant, "best constant line"),
            (PAPER_ERROR, f"the paper: {PAPER_ERROR}"),
        ):
            left.axhline(y, color=GREY, linestyle=":", zorder=0)
            left.annotate(label, (0, y), xytext=(0, 3), textcoords="offset points", color=GREY)
        left.set_yscale("log")
        left.set_ylim(top=2 * constant)
        left.yaxis.set_major_formatter("{x:g}")
        left.set_ylabel("the receiver's wrong\ncharacters per entry")
        left.set_title("the cost")
        for name, (colour, marker, line) in zip(named, SERIES, strict=False):
            rows = told[told["hidden"] == name]
            right.plot(rows["place"], rows["gain"], color=colour, marker=marker, linestyle=line,
                       label=name)  # fmt: skip
        less = named[len(SERIES) :]
        nothing = [name for name in telling.index if name not in named]
        for others, line, says in ((less, "--", "less"), (nothing, "-", "nothing")):
            for i, name in enumerate(others):
                rows = told[told["hidden"] == name]
                tell = "tells" if len(others) == 1 else "tell"
                label = None if i else f"{len(others)} more, which {tell} {says}"
                right.plot(rows["place"], rows["gain"], color=GREY, linewidth=0.6, linestyle=line,
                           zorder=0, label=label)  # fmt: skip
        right.axhline(0, color=GREY, linestyle=":", zorder=0)
        right.set_ylabel("told by a probe beyond the view,\npercentage points")
        right.set_title("what the codes still tell of hidden values")
        figure.legend(frameon=False, loc="outside right upper")
        for axes in (left, right):
            axes.set_xticks(range(len(sizes)), [f"{s:g}" for s in sizes])
            axes.set_xlabel("noise, in deviations of each number")
        costs = [f"{v:.1f} with noise of {s:g}" for v, s in
                 zip(errors["value"], errors["size"], strict=True)]  # fmt: skip
        figure.details = (
            f"The receiver's wrong characters: {', '.join(costs)}. Told beyond the view without "
            f"noise: {', '.join(f'{n} {first.get(n, 0):.0f} points' for n in named) or 'nothing'}"
        )
        return figure
