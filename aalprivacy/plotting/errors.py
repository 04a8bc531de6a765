"""Figures of errors: how many wrong characters, where they are, and how training reduces them."""

from collections.abc import Collection, Mapping, Sequence
from itertools import cycle
from textwrap import fill

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from aalprivacy.attributes import in_words
from aalprivacy.codes import SMALL
from aalprivacy.evaluation import PAPER_ERROR, Score
from aalprivacy.plotting.style import BLUE, GREY, HATCHES, ORANGE, PALE, SERIES, STYLE, Drawing
from aalprivacy.schema import Schema

# Smaller numbers would be printed as 0.00 or 0 %.
LEAST_ERROR, LEAST_SHARE = 0.005, 0.005
LITTLE = {"0.00": "<0.01", "0%": "<1%"}  # how small numbers that aren't 0 are printed


def error_distribution(scores: Mapping[str, Score]) -> Drawing:
    """How many entries have 0, 1, 2, ... wrong characters: a line for each pair, log scale.

    Parameters
    ----------
    scores
        Name of a pair -> its score on one test set.
    """
    ordered = sorted(scores.items(), key=lambda item: item[1].character_error)
    with matplotlib.rc_context(STYLE):
        figure = Drawing(7.6, 4, "Most entries have no wrong character, few have many"
                         if all(score.exact > 0.5 for score in scores.values())
                         else "How many entries have how many wrong characters")  # fmt: skip
        axes = figure.subplots()
        told = []
        for (pair, score), (colour, marker, line) in zip(ordered, cycle(SERIES), strict=False):
            share = np.array(score.distribution) / score.entries
            label = f"{in_words(pair)}: {score.exact:.1%} without, {score.character_error:.2f} mean"
            axes.semilogy(np.where(share > 0, share, np.nan), color=colour, marker=marker,
                          linestyle=line, markersize=5, label=label)  # fmt: skip
            told.append(f"{in_words(pair)} {score.exact:.1%}")
        last = max(len(score.distribution) for score in scores.values()) - 1
        axes.axvline(PAPER_ERROR, color=GREY, linestyle=":", zorder=0)
        axes.annotate(
            f"the paper's mean: {PAPER_ERROR}", (PAPER_ERROR, 1),
            xycoords=("data", "axes fraction"), xytext=(4, -2), textcoords="offset points",
            va="top", color=GREY,
        )  # fmt: skip
        axes.set_xticks(range(0, last + 1, 5), [*map(str, range(0, last, 5)), f"{last}+"])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
        axes.set(xlabel="wrong characters in an entry", ylabel="share of the entries")
        axes.legend(frameon=False)
        figure.details = f"Entries without a wrong character: {', '.join(told)}"
        return figure


def view_errors(scores: Mapping[str, Score], schema: Schema) -> Drawing:
    """Character error of each attribute in each view, a column for each pair, largest rows on top.

    Parameters
    ----------
    scores
        Name of a pair -> its score on one test set.
    schema
        The schema of the pairs.
    """
    errors = pd.DataFrame({pair: score.attributes for pair, score in scores.items()})
    heads = [f"{in_words(p)}\n{score.character_error:.2f} in all" for p, score in scores.items()]
    table, rows = _largest_first(errors, schema, LEAST_ERROR)
    title = "Wrong characters per entry, by attribute and view"
    return _attributes_by_pair(table, rows, heads, "{:.2f}", title)


def single_errors(scores: Mapping[str, Score], schema: Schema) -> Drawing:
    """Where the error is in entries with a single wrong character, a column for each pair.

    The paper (section V) says that it is mostly in the timestamp. So attributes with a time are
    always drawn.

    Parameters
    ----------
    scores
        Name of a pair -> its score on one test set.
    schema
        The schema of the pairs.
    """
    counts = pd.DataFrame({pair: score.single for pair, score in scores.items()})
    totals = counts.sum()
    heads = [f"{in_words(p)}\n{totals[p]:,} {_entries(totals[p])}" for p in scores]
    times = [a.name for a in schema.attributes if a.time]
    shares = counts / totals.clip(lower=1)
    table, rows = _largest_first(shares, schema, LEAST_SHARE, times)
    named = {schema[name].label: f"{schema[name].label} (so the paper)" for name in times}
    title = "Where the wrong character is, in entries that have just one"
    return _attributes_by_pair(table, [named.get(row, row) for row in rows], heads, "{:.0%}", title)


def _entries(number: int) -> str:
    return "entry" if number == 1 else "entries"


def _largest_first(
    values: pd.DataFrame, schema: Schema, least: float, always: Collection[str] = ()
) -> tuple[np.ndarray, list[str]]:
    """The attributes' rows with the largest sums first, and their labels.

    Attributes with less than `least` in each column, except those in `always`, are added up in one
    row. If this row has less than `least` too, it is left out.
    """
    values = values.loc[list(schema.names)]
    large = (values.max(axis=1) >= least) | values.index.isin(always)
    shown, rest = values[large], values[~large]
    shown = shown.loc[shown.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    rows = [schema[name].label for name in shown.index]
    if rest.sum().max() >= least or not rows:
        shown = pd.concat([shown, rest.sum().to_frame().T])
        plural = "attribute" if len(rest) == 1 else "attributes together"
        rows.append(f"{'the other ' if rows else ''}{len(rest)} {plural}")
    return shown.to_numpy(), rows


def _attributes_by_pair(
    values: np.ndarray, rows: list[str], heads: list[str], form: str, title: str
) -> Drawing:
    """A heat map: attributes as rows, pairs as columns."""
    with matplotlib.rc_context(STYLE):
        figure = Drawing(2.8 + 1.2 * len(heads), 1.2 + 0.28 * len(rows), title)
        heatmap(figure.subplots(), values, rows, heads, form)
    columns = [head.replace("\n", ", ") for head in heads]
    most = [
        f"{head}; most in {rows[i]}, {form.format(column[i])}"
        for head, column, i in zip(columns, values.T, values.argmax(axis=0), strict=True)
        if column[i]
    ]
    figure.details = ". ".join(most or columns)
    return figure


def heatmap(axes: Axes, values: np.ndarray, rows, columns, form: str = "") -> None:
    """Numbers in fields; larger numbers have darker fields, and zero is a dash.

    Without a `form`, numbers from ten on are printed whole, smaller ones with two decimals.
    """
    top = values.max() or 1.0
    axes.imshow(values, aspect="auto", cmap="Blues", vmin=0, vmax=1.15 * top)
    axes.set_xticks(range(len(columns)), columns)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        shade = "white" if value > 0.65 * top else "black"
        text = (form or ("{:.0f}" if value >= 10 else "{:.2f}")).format(value)
        text = LITTLE.get(text, text) if value else "–"
        axes.text(column, row, text, ha="center", va="center", color=shade)


def attribute_errors(scores: Mapping[str, Score], schema: Schema, title: str = "") -> Drawing:
    """Character error of each attribute, a bar for each test set, the largest on top.

    Parameters
    ----------
    scores
        Test set -> a pair's score on it.
    schema
        The pair's schema.
    title
        The title, if it isn't the usual one.
    """
    errors = pd.DataFrame({kind: score.attributes for kind, score in scores.items()})
    table, rows = _largest_first(errors, schema, LEAST_ERROR)
    with matplotlib.rc_context(STYLE):
        figure = Drawing(7.5, 1.5 + 0.34 * len(rows), title or "Where the wrong characters are")
        axes = figure.subplots()
        height = 0.8 / len(scores)
        places = np.arange(len(rows))
        for i, ((kind, score), (colour, *_)) in enumerate(
            zip(scores.items(), cycle(SERIES), strict=False)
        ):
            axes.barh(
                places + i * height, table[:, i], height, color=colour, edgecolor="white",
                hatch=HATCHES[i % len(HATCHES)], linewidth=0,
                label=f"{kind}: {score.character_error:.2f} in all",
            )  # fmt: skip
        axes.set_yticks(places + 0.4 - height / 2, rows)
        axes.invert_yaxis()
        axes.set_xlabel("wrong characters per entry, mean")
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    said = [
        f"{kind} {score.character_error:.2f} in all, most in {rows[i]}, {table[i, n]:.2f}"
        for n, ((kind, score), i) in enumerate(
            zip(scores.items(), table.argmax(axis=0), strict=True)
        )
    ]
    figure.details = "Wrong characters per entry: " + "; ".join(said)
    return figure


def error_anatomy(values: pd.DataFrame, schema: Schema, few: int = 100) -> Drawing:
    """Wrong characters in a thousand, by a value's position, length and frequency.

    The three aren't independent: each attribute has its position, its lengths and its number of
    different values. So each panel has two lines. The second leaves out the attribute with the most
    wrong characters. Where it is lower, the errors were in this attribute. The bars are 95 %
    intervals; they treat the errors of different values as independent.

    Parameters
    ----------
    values
        From `aalprivacy.inspection.wrong_values`.
    schema
        The pair's schema.
    few
        The least number of values in a group. Smaller groups aren't drawn, as their means are
        uncertain.
    """
    worst = values.groupby("attribute")["wrong"].sum().idxmax()
    label = schema[worst].label
    parts = {
        "all attributes": values,
        f"without {label}": values[values["attribute"] != worst],
    }
    with matplotlib.rc_context(STYLE):
        figure = Drawing(10, 3.5, "Wrong characters by the kind of value, with and without the "
                         f"worst attribute ({label})")  # fmt: skip
        panels = figure.subplots(1, 3, sharey=True)
        for (name, part), (colour, marker, line) in zip(parts.items(), SERIES, strict=False):
            squares = part.assign(squares=part["wrong"] ** 2)
            by = {
                "characters before the value in the line": part["begins"] // 20 * 20,
                "length of the value": part["length"].clip(upper=20),
                "times it was in the training, at least": 10
                ** np.floor(np.log10(part["known"].clip(lower=0.1))),
            }
            for axes, (across, group) in zip(panels, by.items(), strict=True):
                group = group[group.groupby(group).transform("size") >= few]
                sums = squares.groupby(group)[["wrong", "length", "squares"]].sum()
                rate = 1000 * sums["wrong"] / sums["length"]
                error = 1000 * np.sqrt(sums["squares"]) / sums["length"]
                axes.errorbar(rate.index, rate, 1.96 * error, fmt=marker, linestyle=line,
                              color=colour, capsize=3, label=name)  # fmt: skip
                axes.set_xlabel(across)
        axes.set_xscale("log")
        names = {0.1: "0", 1: "1", 10: "10", 100: "100", 1e3: "1k", 1e4: "10k", 1e5: "100k",
                 1e6: "1M", 1e7: "10M", 1e8: "100M"}  # fmt: skip
        places = [at for at in names if at in set(group)]
        axes.set_xticks(places, [names[at] for at in places])
        axes.minorticks_off()
        panels[0].set_ylim(bottom=0)
        panels[0].set_ylabel("wrong characters per 1,000")
        panels[0].legend(frameon=False, loc="upper left")
    rates = [
        f"{name} {1000 * part['wrong'].sum() / max(1, part['length'].sum()):.1f}"
        for name, part in parts.items()
    ]
    figure.details = f"Wrong characters per 1,000: {', '.join(rates)}"
    return figure


def comparison(lines: pd.DataFrame, x: str, label: str, title: str = "") -> Drawing:
    """Mean character error on each test set, against a quantity that was varied.

    Parameters
    ----------
    lines
        Columns `x`, ``test set``, ``character error``, ``standard error``.
    x, label
        The column of the horizontal axis, which is logarithmic, and its label.
    title
        The title, if it isn't the usual one.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(6.4, 4, title or f"Wrong characters by {label}")
        axes = figure.subplots()
        told = []
        for (kind, part), (colour, marker, line) in zip(
            lines.groupby("test set", sort=False), cycle(SERIES), strict=False
        ):
            axes.errorbar(part[x], part["character error"], 1.96 * part["standard error"],
                          color=colour, marker=marker, linestyle=line, capsize=3,
                          label=kind)  # fmt: skip
            each = [f"{n:,}: {error:.1f}" for n, error in zip(part[x], part["character error"],
                                                              strict=True)]  # fmt: skip
            told.append(f"{kind}, {', '.join(each)}")
        axes.set(xscale="log", yscale="log", xlabel=label)
        axes.set_ylabel("wrong characters per entry,\nmean ± 95 %")
        varied = sorted(set(lines[x]))
        axes.set_xticks(varied, [f"{value:,}" for value in varied])
        axes.xaxis.set_minor_locator(NullLocator())
        _plain_log(axes)
        _paper(axes)
        axes.legend(frameon=False)
        figure.details = f"{label}: {'; '.join(told)}"
        return figure


def ingredients(curves: pd.DataFrame, full: str) -> Drawing:
    """Wrong characters at the end of trainings that each lack one part of a recipe.

    Parameters
    ----------
    curves
        As `aalprivacy.report.ingredients` gives them.
    full
        Begins the names of the trainings with the whole recipe. They share a row; the band across
        the figure goes from the best to the worst of them on people never seen.
    """
    ends = curves.groupby("training").last()
    whole = ends[ends.index.str.startswith(full)]
    others = ends.drop(whole.index).sort_values("unseen", ascending=False)
    names = [*others.index, full]
    with matplotlib.rc_context(STYLE):
        figure = Drawing(7.2, 1.7 + 0.3 * len(names), "What each part of the recipe is worth")
        axes = figure.subplots()
        axes.axvspan(whole["unseen"].min(), whole["unseen"].max(), color=PALE["blue"],
                     label="the full recipe's seeds, people never seen")  # fmt: skip
        rows = [*range(len(others)), *[len(others)] * len(whole)]
        kinds = {
            "unseen": "people never seen",
            "disturbed": "the same, with missing and abnormal values",
            "open": "the same, with new words",
        }
        for (kind, label), (colour, marker, _) in zip(kinds.items(), cycle(SERIES), strict=False):
            axes.plot([*others[kind], *whole[kind]], rows, marker, color=colour, label=label)
        axes.set_yticks(range(len(names)), names)
        axes.set(xscale="log", ylim=(-0.6, len(names) - 0.4))
        axes.set_xlabel(f"wrong characters per entry after {ends['update'].max():,} updates")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=2)
        errors = pd.concat([whole, others])["unseen"]
        told = (f"{name}: {error:.2f}" for name, error in errors.items())
        figure.details = f"Wrong characters on people never seen: {'; '.join(told)}"
        return figure


def errors_by_updates(
    curves: pd.DataFrame, samples: Sequence[str], title: str, guess: float | None = None
) -> Drawing:
    """Wrong characters along trainings: all of them on one sample, and one of them on all samples.

    Parameters
    ----------
    curves
        One row a validation, with ``training``, ``update``, ``entries``, and a column for each
        sample. The left panel has all trainings, on the first sample. The right one has the last
        three quarters of the first training.
    samples
        The samples, at most four.
    title
        What the figure shows.
    guess
        The error of a guess without a code, if it is to be drawn.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(8.4, 4.0, title)
        left, right = figure.subplots(1, 2)
        trainings, told = list(curves.groupby("training", sort=False)), []
        # Trainings have other colours than the samples of the right panel.
        for (training, curve), look in zip(trainings, cycle(SERIES[4:]), strict=False):
            _line(left, curve["update"], curve[samples[0]], fill(training, 26), look)
            last = curve.iloc[-1]
            ends = ", ".join(f"{name} {last[name]:.2f}" for name in samples)
            told.append(f"{training}, after {last['entries']:,.0f} entries: {ends}")
        left.set_xscale("log")
        left.set_ylim(bottom=0)
        _level(left, PAPER_ERROR, f"the paper: {PAPER_ERROR}")
        if guess is not None:
            _level(left, guess, f"a guess: {guess:.0f}")
        left.set_ylabel("wrong characters per entry")
        left.set_title(f"{samples[0]}, all trainings", fontsize=10)
        first, curve = trainings[0]
        curve = curve[curve["update"] >= curve["update"].max() / 4]
        for name, look in zip(samples, SERIES, strict=False):
            _line(right, curve["update"], curve[name], name, look)
        right.xaxis.set_major_locator(MaxNLocator(4))
        right.set_title(f"{first}, each sample", fontsize=10)
        for axes in (left, right):
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
            axes.set_xlabel("updates")
        left.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 0.08))
        right.legend(frameon=False, fontsize=8)
        figure.details = "; ".join(told)
        return figure


def _line(axes: Axes, x: pd.Series, y: pd.Series, label: str, look: tuple) -> None:
    colour, marker, line = look
    axes.plot(x, y, color=colour, marker=marker, linestyle=line, markersize=4, linewidth=1,
              markevery=max(1, len(x) // 12), label=label)  # fmt: skip


def learning_curve(log: pd.DataFrame, title: str = "", *, paper: bool = True) -> Drawing:
    """A training's validation character error and window, update by update.

    Parameters
    ----------
    log
        The rows of a run's ``log.csv``; a card has them as well.
    title
        The title, if it isn't the usual one.
    paper
        Whether the paper's error is drawn too. It only makes sense for the paper's kind of entries.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(
            7.2, 3.8, title or "How a pair learns: first short windows, then whole entries"
        )
        upper = figure.subplots()
        updates, errors = log["update"], log["character_error"]
        upper.semilogy(updates, errors.where(errors > 0), color=BLUE, marker="o", markersize=3)
        _plain_log(upper)
        if paper:
            _paper(upper)
        if (none := updates[errors == 0]).any():  # a log scale has no zero: draw it at the bottom
            foot = upper.get_xaxis_transform()
            upper.plot(none, [0] * len(none), "o", color=BLUE, markersize=3, clip_on=False,
                       transform=foot)  # fmt: skip
            upper.annotate("none wrong", (none.iloc[0], 0), xycoords=foot, xytext=(4, 4),
                           textcoords="offset points", color=BLUE)  # fmt: skip
        upper.set_ylabel("wrong characters per entry,\nvalidation (dots)", color=BLUE)
        upper.set_xlabel("updates")
        upper.xaxis.set_major_formatter("{x:,.0f}")
        lower = upper.twinx()
        lower.spines["right"].set_visible(True)
        lower.step(updates, log["window"], color=ORANGE, where="post", linestyle="--")
        lower.set_ylabel("attributes per window (dashed)")
        lower.set_ylim(bottom=0)
        lower.yaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10), integer=True))
        first, last = log["character_error"].iloc[[0, -1]]
        figure.details = (
            f"From {first:.1f} wrong characters per entry to {last:.2f} in "
            f"{updates.iloc[-1]:,.0f} updates; windows of {log['window'].iloc[0]:.0f} to "
            f"{log['window'].iloc[-1]:.0f} attributes"
        )
        return figure


def learning_curves(logs: Mapping[str, pd.DataFrame]) -> Drawing:
    """The validation character error of several trainings, update by update.

    Parameters
    ----------
    logs
        Name of a pair -> the rows of its training's ``log.csv``.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(8, 4.2, "How the pairs learned: wrong characters on people not trained on")
        axes = figure.subplots()
        told: list[str] = []
        none: list[int] = []  # last updates of trainings that end without an error
        for (pair, log), (colour, marker, line) in zip(logs.items(), cycle(SERIES), strict=False):
            updates, errors = log["update"], log["character_error"]
            last = errors.iloc[-1]
            axes.semilogy(updates, errors.where(errors > 0), color=colour, linestyle=line,
                          linewidth=1.2)  # fmt: skip
            # Only one marker, at the end, so that curves stay readable. A log scale has no zero, so
            # there it is at the bottom.
            foot = {} if last else {"transform": axes.get_xaxis_transform()}
            if not last:
                none.append(updates.iloc[-1])
            size = 6 if last else 11 - 4 * min(2, none.count(updates.iloc[-1]) - 1)
            axes.plot(updates.iloc[-1:], [last], color=colour, marker=marker, linestyle=line,
                      markersize=size, clip_on=False, label=f"{in_words(pair)}: {last:.2f}",
                      **foot)  # fmt: skip
            told.append(f"{in_words(pair)} {last:.2f} after {updates.iloc[-1]:,.0f} updates")
        _plain_log(axes)
        _paper(axes)
        if none:
            axes.annotate("none wrong", (max(none), 0), xycoords=axes.get_xaxis_transform(),
                          xytext=(10, 3), textcoords="offset points", color=GREY)  # fmt: skip
        axes.set(xlabel="updates")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_ylabel("wrong characters per entry, validation")
        figure.legend(frameon=False, loc="outside right upper")
        figure.details = "At the end: " + ", ".join(told)
        return figure


def code_sizes(curves: Mapping[str, pd.DataFrame], title: str = "") -> Drawing:
    """Wrong characters against the bytes of a code.

    Parameters
    ----------
    curves
        Name of a pair -> one row for each way to write its codes. Columns: ``type`` (the type of
        numbers, or "small"), ``bytes`` (of a code in a file), ``character_error`` and
        ``standard_error``.
    title
        The title, if it isn't the usual one.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(8, 4.2, title or "How few bytes a code can have before its view is wrong")
        axes = figure.subplots()
        told, types, some_right = [], {}, False
        foot = axes.get_xaxis_transform()
        for (name, rows), (colour, marker, line) in zip(
            curves.items(), cycle(SERIES), strict=False
        ):
            few = rows[rows["type"] == SMALL].sort_values("bytes")
            other = rows[rows["type"] != SMALL]
            for some, look in (
                (few, {"linestyle": line, "label": in_words(name)}),
                (other, {"linestyle": "none", "fillstyle": "none"}),
            ):
                look |= {"color": colour, "marker": marker}
                right = some["character_error"] == 0  # a log scale has no zero
                wrong, none = some[~right], some[right]["bytes"]
                axes.errorbar(
                    wrong["bytes"], wrong["character_error"], 1.96 * wrong["standard_error"],
                    capsize=2, **look,
                )  # fmt: skip
                look |= {"linestyle": "none", "label": "_"}
                axes.plot(none, [0] * len(none), transform=foot, clip_on=False, **look)
                some_right |= len(none) > 0
            types |= dict(zip(other["type"], other["bytes"], strict=True))
            told += [
                f"{in_words(name)} {error:.2f} with {size:.0f} bytes"
                for size, error in few[["bytes", "character_error"]].to_numpy()
            ]
        for kind, size in types.items():
            axes.annotate(
                kind, (size, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                textcoords="offset points", ha="center", color=GREY, fontsize=8,
            )  # fmt: skip
        if some_right:
            axes.annotate(
                "none wrong", (1, 0), xycoords="axes fraction", xytext=(10, 0),
                textcoords="offset points", va="center", color=GREY,
            )  # fmt: skip
        axes.set(xscale="log", yscale="log")
        _plain_log(axes)
        _paper(axes)
        axes.xaxis.set_major_locator(LogLocator(2, subs=(1,)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("bytes of a code in a file (filled: small codes; hollow: full codes)")
        axes.set_ylabel("wrong characters per entry")
        figure.legend(frameon=False, loc="outside right upper")
        figure.details = f"Small codes: {', '.join(told)}"
        return figure


def against_length(
    errors: Mapping[int, float], guesses: Mapping[int, float], title: str = ""
) -> Drawing:
    """Wrong characters on lines of growing length, beside those of one line for everybody.

    Parameters
    ----------
    errors
        Values in a line -> mean character error of a model that was trained on such lines.
    guesses
        The same of the one line that is nearest to all.
    title
        What the figure shows, if not only that.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(6.4, 3.6, title or "Wrong characters on lines of growing length")
        axes = figure.subplots()
        both = {"one line for everybody": guesses, "the model": errors}
        for (name, values), (colour, marker, line) in zip(both.items(), SERIES, strict=False):
            axes.plot(list(values), list(values.values()), color=colour, marker=marker,
                      linestyle=line, label=name)  # fmt: skip
        axes.set(xlabel="values in a line", ylabel="wrong characters a line", ylim=(0, None))
        axes.set_xticks(list(errors), [str(n) for n in errors])
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.legend(frameon=False)
        each = [f"{n}: {error:.1f}, one line {guesses[n]:.1f}" for n, error in errors.items()]
        figure.details = f"By the number of values: {'; '.join(each)}"
        return figure


def side_by_side(log: pd.DataFrame, guess: float, title: str = "") -> Drawing:
    """How some trainings go, on people that they learn from and on new ones.

    Parameters
    ----------
    log
        Columns ``training``, ``updates``, ``known people``, ``new people``: the last two are mean
        character errors.
    guess
        The mean character error of one line for everybody.
    title
        What the figure shows, if not only that.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(9.2, 4.1, title or "Some trainings side by side")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, people in zip(panels, ("known people", "new people"), strict=True):
            for (name, part), (colour, marker, line) in zip(
                log.groupby("training", sort=False), cycle(SERIES), strict=False
            ):
                axes.plot(part["updates"], part[people], color=colour, marker=marker,
                          markersize=4, linestyle=line, label=name)  # fmt: skip
            axes.axhline(guess, color=GREY, linestyle=":", zorder=0)
            axes.set_title(people)
            axes.set(xlabel="updates", ylim=(0, None))
        panels[0].annotate(
            "one line for everybody", (1, guess), xycoords=("axes fraction", "data"),
            xytext=(-4, 3), textcoords="offset points", ha="right", color=GREY,
        )  # fmt: skip
        panels[0].set_ylabel("wrong characters a line")
        panels[0].yaxis.set_major_locator(MaxNLocator(6, integer=True))
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, frameon=False, loc="outside lower center", ncols=len(names))
        last = log.groupby("training", sort=False).last()
        each = [
            f"{name}, {row['known people']:.1f} on known people and {row['new people']:.1f} on new"
            for name, row in last.iterrows()
        ]
        figure.details = f"At the end: {'; '.join(each)}; one line for everybody {guess:.1f}"
        return figure


def _plain_log(axes: Axes) -> None:
    """A log scale with plain numbers: 1, 2, 5, 10, ..."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _paper(axes: Axes) -> None:
    """The paper's character error as a line."""
    _level(axes, PAPER_ERROR, f"the paper: {PAPER_ERROR}")


def _level(axes: Axes, at: float, label: str) -> None:
    """A horizontal line with a label."""
    axes.axhline(at, color=GREY, linestyle=":", zorder=0)
    axes.annotate(label, (1, at), xycoords=("axes fraction", "data"), xytext=(-4, 3),
                  textcoords="offset points", ha="right", color=GREY)  # fmt: skip
