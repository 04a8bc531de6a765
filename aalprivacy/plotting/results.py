"""Figures of data and results."""

from collections.abc import Mapping
from itertools import cycle, zip_longest

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from rapidfuzz.distance import Levenshtein

from aalprivacy.attributes import DELETED, SEPARATOR, in_words
from aalprivacy.audit.measure import CHARACTER_ERROR
from aalprivacy.evaluation import Mismatch, Score
from aalprivacy.plotting.style import (
    BLUE,
    GREY,
    INK,
    OPERATION_COLOURS,
    ORANGE,
    SERIES,
    STYLE,
    VERMILION,
)
from aalprivacy.policy import Operation
from aalprivacy.schema import Schema


def view_table(entry: pd.Series, views: Mapping[str, pd.Series], schema: Schema) -> Figure:
    """One entry and its views side by side, coloured by what happened to each value.

    Parameters
    ----------
    entry
        Attribute name -> value.
    views
        Receiver -> its view: attribute name -> value.
    schema
        Of the entry.
    """
    names = list(schema.names)
    columns = [entry[names], *(view[names] for view in views.values())]
    shades = [["white"] * len(names)]
    shades += [
        [OPERATION_COLOURS[_operation(*both)] for both in zip(columns[0], view, strict=True)]
        for view in columns[1:]
    ]
    heads = [in_words(c) for c in ("entry", *views)]
    # Inches, from the characters of the longest value.
    widths = [max(1.85, 0.3 + 0.075 * column.str.len().max()) for column in columns]
    label = 0.2 + 0.062 * max(map(len, schema.labels))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(label + sum(widths), 0.6 + 0.25 * len(schema)))
        axes = figure.subplots()
        axes.axis("off")
        left = label / (label + sum(widths))
        table = axes.table(
            list(zip(*columns, strict=True)),
            cellColours=list(zip(*shades, strict=True)),
            rowLabels=list(schema.labels),
            colLabels=heads,
            cellLoc="left",
            loc="upper center",
            colWidths=widths,
            bbox=[left, 0.0, 1 - left, 0.95],
        )
        table.auto_set_font_size(False)
        table.set_fontsize(8)
        for cell in table.get_celld().values():
            cell.set_edgecolor("white")
        axes.set_title("blue: disclosed   yellow: generalised   grey: deleted", fontsize=9)
        return figure


def _operation(value: str, seen: str) -> Operation:
    """What was done to a value; a generalised one that reads the same counts as disclosed."""
    if seen == DELETED:
        return Operation.DELETE
    return Operation.DISCLOSE if seen == value else Operation.GENERALISE


def code_strip(codes: np.ndarray, labels: list[str] | None = None) -> Figure:
    """Codes as heat strips: one row a code, its states ``h`` and ``c`` beside each other.

    Parameters
    ----------
    codes
        float32 ``(n, 2 units)``.
    labels
        Names of the rows; none by default.
    """
    codes = np.atleast_2d(codes)
    units = codes.shape[1] // 2
    with matplotlib.rc_context(STYLE):
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
            axes.set_ylabel("entry")
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


def aligned(decoded: str, expected: str, width: int = 80) -> Figure:
    """A decoded line under the expected one, character by character, errors marked.

    Parameters
    ----------
    decoded, expected
        Lines; an alignment of fewest edits is drawn (the paper's figures 5 and 6).
    width
        Most characters per row.
    """
    pairs = _alignment(decoded, expected)
    rows = _rows(pairs, width)
    wrong = sum(a != b for a, b in pairs)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.1 + 0.125 * width, 0.7 + 0.85 * len(rows)))
        axes = figure.subplots()
        axes.axis("off")
        axes.set(xlim=(-9, width), ylim=(-3.6 * len(rows) + 0.8, 1.2))
        for row, characters in enumerate(rows):
            y = -3.6 * row
            axes.text(-1, y, "expected", ha="right", va="center", color=INK, fontsize=8)
            axes.text(-1, y - 1, "decoded", ha="right", va="center", color=INK, fontsize=8)
            for x, (want, got) in enumerate(characters):
                marks = [(y, want), (y - 1, got)]
                if want != got:
                    axes.add_patch(Rectangle((x, y - 1.5), 1, 2, facecolor=ORANGE, alpha=0.55))
                    marks.append((y - 2.1, "^"))
                for level, character in marks:
                    axes.text(x + 0.5, level, character, family="monospace", fontsize=8,
                              ha="center", va="center")  # fmt: skip
        edits = "1 edit" if wrong == 1 else f"{wrong} edits"
        axes.set_title(f"{edits} on {len(expected)} expected characters", fontsize=9)
        return figure


def _rows(pairs: list[tuple[str, str]], width: int) -> list[list[tuple[str, str]]]:
    """An alignment in rows of at most `width`, broken after a separator where there is one."""
    rows = []
    while len(pairs) > width:
        ends = [at for at in range(width) if pairs[at][0] == SEPARATOR]
        cut = ends[-1] + 1 if ends else width
        rows.append(pairs[:cut])
        pairs = pairs[cut:]
    return [*rows, pairs]


def _alignment(decoded: str, expected: str) -> list[tuple[str, str]]:
    """Expected and decoded characters side by side; one that has no partner stands alone."""
    pairs = []
    for edit in Levenshtein.opcodes(expected, decoded):
        want, got = (
            expected[edit.src_start : edit.src_end],
            decoded[edit.dest_start : edit.dest_end],
        )
        pairs += zip_longest(want, got, fillvalue="")
    return pairs


def attribute_errors(scores: Mapping[str, Score], schema: Schema) -> Figure:
    """Character error of each attribute, one bar a test set.

    Parameters
    ----------
    scores
        Test set -> a pair's score on it.
    schema
        The pair's.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 0.9 + 0.28 * len(schema)))
        axes = figure.subplots()
        height = 0.8 / len(scores)
        places = np.arange(len(schema))
        for i, ((kind, score), (colour, _)) in enumerate(
            zip(scores.items(), cycle(SERIES), strict=False)
        ):
            axes.barh(
                places + i * height,
                [score.attributes[n] for n in schema.names],
                height,
                color=colour,
                label=f"{kind}: {score.character_error:.2f} in all",
            )
        axes.set_yticks(places + 0.4 - height / 2, schema.labels)
        axes.invert_yaxis()
        axes.set_xlabel("character error (mean Levenshtein distance per entry)")
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
        return figure


def view_errors(scores: Mapping[str, Score], schema: Schema) -> Figure:
    """Character error of each attribute in each view, one column a pair.

    Parameters
    ----------
    scores
        Name of a pair -> its score on one test set.
    schema
        The pairs'.
    """
    errors = {pair: score.attributes for pair, score in scores.items()}
    heads = [f"{in_words(p)}\n({score.character_error:.2f})" for p, score in scores.items()]
    title = "wrong characters per entry; in brackets, of the whole view"
    return _attributes_by_pair(pd.DataFrame(errors), schema, heads, "{:.2f}", title)


def error_anatomy(values: pd.DataFrame, few: int = 100) -> Figure:
    """Wrong characters of a thousand, by where a value stands, how long and how rare it is.

    The bars are 95 % intervals that take each value to be wrong independently of the others.

    Parameters
    ----------
    values
        As `aalprivacy.inspection.wrong_values` gives them.
    few
        Values in a group, at least; a smaller group isn't drawn, as its mean says little.
    """
    by = {
        "characters before the value": values["begins"] // 20 * 20,
        "length of the value": values["length"].clip(upper=20),
        "its occurrences in training entries, at least": 10
        ** np.floor(np.log10(values["known"].clip(lower=0.1))),
    }
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10, 2.8))
        panels = figure.subplots(1, 3, sharey=True)
        squares = values.assign(squares=values["wrong"] ** 2)
        for axes, (label, group) in zip(panels, by.items(), strict=True):
            group = group[group.groupby(group).transform("size") >= few]
            sums = squares.groupby(group)[["wrong", "length", "squares"]].sum()
            rate = 1000 * sums["wrong"] / sums["length"]
            error = 1000 * np.sqrt(sums["squares"]) / sums["length"]
            axes.errorbar(rate.index, rate, 1.96 * error, fmt="o-", color=BLUE, capsize=3)
            axes.set_xlabel(label)
        axes.set_xscale("log")
        names = {0.1: "0", 1: "1", 10: "10", 100: "100", 1e3: "1k", 1e4: "10k", 1e5: "100k",
                 1e6: "1M", 1e7: "10M", 1e8: "100M"}  # fmt: skip
        places = [at for at in names if at in set(group)]
        axes.set_xticks(places, [names[at] for at in places])
        axes.minorticks_off()
        panels[0].set_ylim(bottom=0)
        panels[0].set_ylabel("wrong characters per 1,000")
        return figure


def error_distribution(scores: Mapping[str, Score]) -> Figure:
    """How many entries have 0, 1, 2, ... wrong characters: a line each pair, log scale.

    Parameters
    ----------
    scores
        Name of a pair -> its score on one test set.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7, 3.6))
        axes = figure.subplots()
        for (pair, score), (colour, marker) in zip(scores.items(), cycle(SERIES), strict=False):
            share = np.array(score.distribution) / score.entries
            label = f"{in_words(pair)}: {score.exact:.1%} without an error"
            axes.semilogy(np.where(share > 0, share, np.nan), colour, marker=marker, label=label)
        last = max(len(score.distribution) for score in scores.values()) - 1
        axes.set_xticks(range(0, last + 1, 5), [*map(str, range(0, last, 5)), f"{last}+"])
        axes.set_xlabel("wrong characters in an entry")
        axes.set_ylabel("share of the entries")
        axes.legend(frameon=False)
        return figure


def single_errors(scores: Mapping[str, Score], schema: Schema) -> Figure:
    """Where the error is in entries with a single wrong character, one column a pair.

    The paper (section V) says that it is mostly in the timestamp.

    Parameters
    ----------
    scores
        Name of a pair -> its score on one test set.
    schema
        The pairs'.
    """
    counts = pd.DataFrame({pair: score.single for pair, score in scores.items()})
    totals = counts.sum()
    heads = [f"{in_words(p)}\n({totals[p]:,} entries)" for p in scores]
    title = "attribute of the only wrong character"
    return _attributes_by_pair(counts / totals.clip(lower=1), schema, heads, "{:.0%}", title)


def _attributes_by_pair(
    values: pd.DataFrame, schema: Schema, heads: list[str], form: str, title: str
) -> Figure:
    """A heat map: one row an attribute, one column a pair."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2.8 + 1.1 * len(heads), 0.8 + 0.26 * len(schema)))
        axes = figure.subplots()
        rows = values.loc[list(schema.names)].to_numpy()
        _heatmap(axes, rows, schema.labels, heads, form, "Blues")
        axes.set_title(title, fontsize=9)
        return figure


def mismatch_matrix(found: list[Mismatch]) -> Figure:
    """Character error of every encoder with every decoder, and of what needs no code.

    Parameters
    ----------
    found
        As `aalprivacy.evaluation.cross` gives it.
    """
    encoders = list(dict.fromkeys(m.encoder for m in found))
    decoders = list(dict.fromkeys(m.decoder for m in found))
    error = {(m.encoder, m.decoder): m.character_error for m in found}
    rows = [[error[e, d] for d in decoders] for e in encoders]
    references = {m.decoder: (m.random_code, m.constant) for m in found}
    rows += [list(row) for row in zip(*(references[d] for d in decoders), strict=True)]
    labels = [f"code of {in_words(e)}" for e in encoders]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3 + 1.15 * len(decoders), 1.4 + 0.5 * len(rows)))
        axes = figure.subplots()
        columns = [f"decoder of\n{in_words(d)}" for d in decoders]
        labels += ["random code", "best constant line"]
        _heatmap(axes, np.array(rows), labels, columns, "{:.2f}", "Blues")
        axes.axhline(len(encoders) - 0.5, color="white", linewidth=4)
        axes.set_title("wrong characters per entry", fontsize=9)
        return figure


def hits_and_chance(found: list[Mismatch], schema: Schema) -> Figure:
    """Share of right values in views of mismatched decoders, beside what chance gives.

    One row an attribute. On the left a dot for each pair of encoder and decoder, and a ring for
    what the same views hit when they are dealt out at random; on the right the difference of each
    two.

    Parameters
    ----------
    found
        As `aalprivacy.evaluation.cross` gives it.
    schema
        The pairs'.
    """
    wrong = [m for m in found if m.encoder != m.decoder]
    hits, chance = (
        np.array([[shares[n] for n in schema.names] for shares in kind])
        for kind in ([m.hits for m in wrong], [m.chance for m in wrong])
    )
    places = np.broadcast_to(np.arange(len(schema)), hits.shape)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 1.1 + 0.22 * len(schema)))
        left, right = figure.subplots(1, 2, sharey=True)
        left.plot(chance.ravel(), places.ravel(), "o", color=ORANGE, fillstyle="none",
                  label="dealt out at random")  # fmt: skip
        left.plot(
            hits.ravel(), places.ravel(), ".", color=BLUE, label="a decoder that doesn't match"
        )
        right.plot(100 * (hits - chance).ravel(), places.ravel(), ".", color=BLUE, alpha=0.6)
        right.axvline(0, color=GREY, linewidth=0.8, zorder=0)
        left.set_yticks(range(len(schema)), schema.labels)
        left.invert_yaxis()
        left.set_xlabel("share of right values")
        right.set_xlabel("the difference, percentage points")
        span = 1.1 * max(1.0, 100 * np.abs(hits - chance).max())
        right.set_xlim(-span, span)
        left.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
        return figure


def attack_curve(findings: pd.DataFrame) -> Figure:
    """How wrong attackers read, against the number of entries that they know.

    Errors are drawn on a scale on which 1 is the error of the best guess without the code (the
    baseline) and 0 that of the rightful reader (the control). Both differ between views.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame` whose measure is the character error, of attackers who
        know entries; one line for each attack and own pair.
    """
    own = findings["own"].map(in_words)
    # The marker tells the attack, the colour whose pair it uses.
    attacks, names = findings["attack"].unique(), sorted(own.unique())
    markers = {a: marker for a, (_, marker) in zip(attacks, cycle(SERIES), strict=False)}
    colours = {n: colour for n, (colour, _) in zip(names, cycle(SERIES), strict=False)}
    span = findings["baseline"] - findings["control"]
    left = {c: (findings[c] - findings["control"]) / span for c in ("value", "low", "high")}
    findings = findings.assign(**left)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.5, 3.8))
        axes = figure.subplots()
        for (attack, name), rows in findings.groupby([findings["attack"], own], sort=False):
            spans = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
            axes.errorbar(
                rows["known"], rows["value"], spans, color=colours[name], marker=markers[attack],
                label=f"{attack}, own pair: {name}" if name else attack, capsize=2,
            )  # fmt: skip
        for y, label in ((1, "a guess\nwithout\nthe code"), (0, "the right\nkey")):
            axes.axhline(y, color=GREY, linestyle=":", zorder=0)
            axes.annotate(
                label, (1, y), xycoords=("axes fraction", "data"), xytext=(4, 0),
                textcoords="offset points", va="center", color=GREY,
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_ylim(bottom=-0.05)
        axes.set_xlabel("entries that the attacker knows")
        axes.set_ylabel("error, as a share of a guess's")
        figure.legend(frameon=False, loc="outside right upper")
        return figure


def hidden_values(panels: dict[str, pd.DataFrame]) -> Figure:
    """What codes tell of the values that a view hides: one row a probed part of an attribute.

    Parameters
    ----------
    panels
        Title -> rows of `aalprivacy.audit.to_frame` of the attacks of the insider. Of the probes of
        one attribute and measure the one is drawn that is farthest above what the view alone tells.
    """
    best = {}
    for title, findings in panels.items():
        named = _hidden(findings) + ": " + findings["measure"]
        findings = findings.assign(row=named).reset_index(drop=True)
        above = findings["low"] - findings["baseline"]
        best[title] = findings.loc[above.groupby(findings["row"]).idxmax()[::-1]]
    rows = list(dict.fromkeys(row for table in best.values() for row in table["row"]))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.2 + 3.6 * len(panels), 1.1 + 0.24 * len(rows)))
        plots = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
        for axes, (title, table) in zip(plots, best.items(), strict=True):
            places = [rows.index(row) for row in table["row"]]
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
            axes.set_xlabel("share of people of whom it is told")
            axes.set_title(title, fontsize=9)
        handles, labels = plots[0].get_legend_handles_labels()
        figure.legend(handles, labels, frameon=False, loc="outside upper center", ncols=3)
        return figure


def _hidden(findings: pd.DataFrame) -> pd.Series:
    """The hidden attribute that each finding is about, and how the view hides it."""
    how = {Operation.GENERALISE: " (generalised)", Operation.DELETE: " (deleted)"}
    return findings["attribute"].map(in_words) + findings["operation"].map(how)


def noise_tradeoff(findings: pd.DataFrame) -> Figure:
    """What noise on the codes costs the receiver, and what it hides.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame` of the attack `aalprivacy.audit.Noise`, one pair's.
    """
    # Evenly spaced: one of the sizes is 0, which a log scale can't show.
    sizes, places = np.unique(findings["size"], return_inverse=True)
    findings = findings.assign(place=places).sort_values("place", kind="stable")
    reads = findings["attack"] == "remedy: noise, receiver reads"
    errors = findings[reads & (findings["measure"] == CHARACTER_ERROR)]
    told = findings[~reads]
    attributes = _hidden(told)
    telling = told["beats_baseline"].groupby(attributes).any()
    styles = dict(zip(telling.index[telling], cycle(SERIES), strict=False))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.4))
        left, right = figure.subplots(1, 2)
        left.plot(errors["place"], errors["value"], color=BLUE, marker="o")
        left.axhline(errors["baseline"].iloc[0], color=GREY, linestyle=":")
        left.annotate("best constant line", (0, errors["baseline"].iloc[0]),
                      xytext=(0, -11), textcoords="offset points", color=GREY)  # fmt: skip
        left.set_yscale("log")
        left.set_ylabel("the receiver's character error")
        label = "others, which tell nothing"
        for name, rows in told.groupby(attributes, sort=False):
            gain = 100 * (rows["value"] - rows["baseline"])
            if name in styles:
                colour, marker = styles[name]
                right.plot(rows["place"], gain, color=colour, marker=marker, label=name)
            else:
                right.plot(rows["place"], gain, color=GREY, linewidth=0.6, zorder=0, label=label)
                label = None
        right.set_ylabel("probe above the baseline,\npercentage points")
        figure.legend(frameon=False, loc="outside right upper")
        for axes in (left, right):
            axes.set_xticks(range(len(sizes)), [f"{s:g}" for s in sizes])
            axes.set_xlabel("noise, in deviations of each number")
        return figure


def _heatmap(axes, values: np.ndarray, rows, columns, form: str, colours: str) -> None:
    top = values.max() or 1.0
    axes.imshow(values, aspect="auto", cmap=colours, vmin=0, vmax=1.15 * top)
    axes.set_xticks(range(len(columns)), columns)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        shade = "white" if value > 0.65 * top else "black"
        text = form.format(value) if value else "–"
        axes.text(column, row, text, ha="center", va="center", color=shade)


def learning_curve(log: pd.DataFrame) -> Figure:
    """A training's validation character error and window over time, from its ``log.csv``."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7, 3.4))
        upper = figure.subplots()
        minutes = log["seconds"] / 60
        upper.semilogy(minutes, log["character_error"], color=BLUE, marker=".")
        upper.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        upper.yaxis.set_major_formatter("{x:g}")
        upper.yaxis.set_minor_locator(NullLocator())
        upper.set_ylabel("character error, validation", color=BLUE)
        upper.set_xlabel("minutes of training")
        lower = upper.twinx()
        lower.spines["right"].set_visible(True)
        lower.step(minutes, log["window"], color=ORANGE, where="post")
        lower.set_ylabel("attributes per window", color=ORANGE)
        lower.set_ylim(bottom=0)
        lower.yaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10), integer=True))
        return figure


def code_map(maps: dict[str, tuple[np.ndarray, np.ndarray, list[str]]]) -> Figure:
    """Codes on a plane, coloured by a group that each belongs to.

    Parameters
    ----------
    maps
        Title of a panel -> places ``(n, 2)``, share of the variance of each axis, and the group of
        each code; more than four groups share the colours.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2 * len(maps), 4.4))
        panels = np.atleast_1d(figure.subplots(1, len(maps)))
        for axes, (title, (places, shares, groups)) in zip(panels, maps.items(), strict=True):
            names = list(dict.fromkeys(groups))
            for i, name in enumerate(names):
                inside = np.array([group == name for group in groups])
                colour, marker = SERIES[i % len(SERIES)]
                axes.scatter(*places[inside].T, s=18, color=colour, marker=marker, alpha=0.75,
                             linewidths=0, label=in_words(name))  # fmt: skip
            for axis, which, part in zip("xy", ("first", "second"), shares, strict=True):
                axes.set(**{f"{axis}label": f"{which} component, {part:.0%} of the variance"})
            axes.set_title(title, fontsize=9)
            axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper center",
                        bbox_to_anchor=(0.5, -0.14))  # fmt: skip
        return figure


def unit_activity(
    states: np.ndarray,
    line: str,
    units: list[int],
    titles: list[str],
    apart: int = 0,
    *,
    reverse: bool = True,
) -> Figure:
    """What single units hold while a line is read, character by character.

    Parameters
    ----------
    states
        float ``(length, all units)`` of the line, as `aalprivacy.inspection.read_states` gives it.
    line
        The line.
    units, titles
        Which are drawn, and what is said of each.
    apart
        After how many of them a line is drawn, if they are of two kinds.
    reverse
        Whether the encoder reads from the line's end, as its architecture says.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(max(6.0, 2.3 + 0.074 * len(line)), 0.9 + 0.34 * len(units)))
        axes = figure.subplots()
        values = states[: len(line), units].T
        image = axes.imshow(values, aspect="auto", cmap="PuOr", vmin=-1, vmax=1)
        axes.set_xticks(range(len(line)), line, family="monospace", fontsize=6.5)
        axes.set_yticks(range(len(units)), titles)
        axes.set_xlabel(f"the line, which is read from the {'right' if reverse else 'left'}")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        if apart:
            axes.axhline(apart - 0.5, color=INK, linewidth=1.5)
        figure.colorbar(image, ax=axes, label="state h", pad=0.01)
        return figure


def comparison(lines: pd.DataFrame, x: str, label: str) -> Figure:
    """Mean character error on each test set against something that was varied.

    Parameters
    ----------
    lines
        Columns `x`, ``test set``, ``character error``, ``standard error``.
    x, label
        Column of the horizontal axis, logarithmic, and what it is called.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6, 3.6))
        axes = figure.subplots()
        for (kind, part), (colour, marker) in zip(
            lines.groupby("test set", sort=False), cycle(SERIES), strict=False
        ):
            axes.errorbar(part[x], part["character error"], 1.96 * part["standard error"],
                          color=colour, marker=marker, capsize=3, label=kind)  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel=label, ylabel="character error")
        varied = sorted(set(lines[x]))
        axes.set_xticks(varied, [f"{value:,}" for value in varied])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter("{x:g}")
        axes.legend(frameon=False)
        return figure
