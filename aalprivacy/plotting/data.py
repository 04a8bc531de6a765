"""Figures of entries and views: the simulated homes, and the views of any entry."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd

from aalprivacy.attributes import DELETED, in_words
from aalprivacy.homes import ROOMS
from aalprivacy.plotting.style import (
    BLUE,
    GREEN,
    HATCHES,
    OPERATION_COLOURS,
    ORANGE,
    PURPLE,
    SERIES,
    STYLE,
    Drawing,
)
from aalprivacy.policy import Operation
from aalprivacy.schema import Schema


def distributions(entries: pd.DataFrame) -> Drawing:
    """How values of entries are distributed: ages, diseases, rooms, steps, temperature, energy.

    Parameters
    ----------
    entries
        From `aalprivacy.homes.simulate`, of some hundred users or more. If they have a
        ``user_id``, each person counts once in the panels of people.
    """
    people = entries.drop_duplicates("user_id") if "user_id" in entries else entries
    hour = entries["timestamp"].str[9:11].astype(int)
    month = entries["timestamp"].str[4:6].astype(int)
    with matplotlib.rc_context(STYLE):
        figure = Drawing(
            11, 6.8, f"Who lives in the simulated homes, and what goes on there: {len(people):,} "
            f"people, {len(entries):,} entries",
        )  # fmt: skip
        (ages, diseases, rooms), (steps, warmth, energy) = figure.subplots(2, 3)
        genders = [people["age"][people["gender"] == g].astype(int) for g in ("female", "male")]
        *_, bars = ages.hist(genders, bins=np.arange(60, 101, 5), stacked=True,
                             color=[PURPLE, BLUE], label=["women", "men"])  # fmt: skip
        for bar in bars[1] if len(bars) else ():
            bar.set(hatch=HATCHES[1], edgecolor="white", linewidth=0)
        ages.set(xlabel="age in years", ylabel="people", title="ages")
        ages.legend(frameon=False)
        counts = people["disease"].value_counts().head(10)[::-1]
        diseases.barh(counts.index, counts, color=BLUE)
        diseases.set(xlabel="people", title="the ten most frequent diseases")
        share = pd.crosstab(hour, entries["presence_sensor"], normalize="index")
        areas = rooms.stackplot(
            share.index, *(share.get(room, 0 * share.index) for room in ROOMS), labels=ROOMS,
            colors=[colour for colour, *_ in SERIES],
        )  # fmt: skip
        for area, hatch in zip(areas, HATCHES, strict=False):
            area.set(hatch=hatch, edgecolor="white", linewidth=0)
        rooms.set(xlabel="hour of the day", ylabel="share of entries", ylim=(0, 1))
        rooms.set_title("the room that a person is in")
        handles, labels = rooms.get_legend_handles_labels()
        rooms.legend(handles[::-1], labels[::-1], frameon=False, loc="center left",
                     bbox_to_anchor=(1, 0.5))  # fmt: skip
        day = "hour of the day"
        for axes, column, by, colour, across, what, unit in (
            (steps, "wearable_pedometer", hour, BLUE, day, "steps", "in the last hour"),
            (warmth, "temperature_sensor", month, ORANGE, "month", "temperature", "°C"),
            (energy, "energy_consumption", hour, GREEN, day, "energy", "Wh in the last hour"),
        ):
            # Missing values become NaN, which the quantiles leave out.
            values = pd.to_numeric(entries[column], errors="coerce").groupby(by)
            low, middle, high = (values.quantile(q) for q in (0.25, 0.5, 0.75))
            axes.fill_between(low.index, low, high, color=colour, alpha=0.25, linewidth=0)
            axes.plot(middle, color=colour)
            axes.set(xlabel=across, ylabel=unit)
            axes.set_title(f"{what}: median, and the middle half")
        for axes in (steps, energy):
            axes.set_ylim(bottom=0)
        warmth.set_xticks(range(1, 13, 2))
        awake = hour.between(9, 20)
        inside = entries["presence_sensor"]
        figure.details = (
            f"Median age {people['age'].astype(int).median():.0f}; most frequent disease "
            f"{counts.index[-1]}; in the bedroom in {(inside[~awake] == 'bedroom').mean():.0%} of "
            f"the entries between nine in the evening and nine in the morning, and in "
            f"{(inside[awake] == 'bedroom').mean():.0%} of the others"
        )
        return figure


def view_table(entry: pd.Series, views: Mapping[str, pd.Series], schema: Schema) -> Drawing:
    """One entry and its views side by side, coloured by operation.

    This is a picture; `aalprivacy.plotting.view_page` is the same table for a web page.

    Parameters
    ----------
    entry
        Attribute name -> value.
    views
        Receiver -> its view: attribute name -> value.
    schema
        The entry's schema.
    """
    names = list(schema.names)
    columns = [entry[names], *(view[names] for view in views.values())]
    what = [
        [operation(*both) for both in zip(columns[0], view, strict=True)] for view in columns[1:]
    ]
    shades = [["white"] * len(names), *([OPERATION_COLOURS[o] for o in column] for column in what)]
    heads = [in_words(c) for c in ("entry", *views)]
    # Inches, from the characters of the longest value.
    widths = [max(1.85, 0.3 + 0.075 * column.str.len().max()) for column in columns]
    label = 0.2 + 0.062 * max(map(len, schema.labels))
    with matplotlib.rc_context(STYLE):
        figure = Drawing(label + sum(widths), 1.0 + 0.25 * len(schema),
                         "One entry, and what each receiver sees of it")  # fmt: skip
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
            bbox=[left, 0.0, 1 - left, 1.0],
        )
        table.auto_set_font_size(False)
        table.set_fontsize(8)
        for (row, column), cell in table.get_celld().items():
            cell.set_edgecolor("white")
            if row == 0:
                cell.get_text().set_fontweight("bold")
                cell.get_text().set_horizontalalignment("left")
            elif column > 0 and what[column - 1][row - 1] is Operation.GENERALISE:
                cell.get_text().set_fontstyle("italic")
        axes.set_title("blue: disclosed     yellow and italic: generalised     grey, *: deleted")
        figure.details = ". ".join(
            f"{in_words(receiver)}: {counts(done)}"
            for receiver, done in zip(views, what, strict=True)
        )
        return figure


def operation(value: str, seen: str) -> Operation:
    """The operation on a value; a generalised value that is unchanged counts as disclosed."""
    if seen == DELETED:
        return Operation.DELETE
    return Operation.DISCLOSE if seen == value else Operation.GENERALISE


def counts(what: list[Operation]) -> str:
    """How many values are disclosed, generalised and deleted, in words."""
    said = {
        Operation.DISCLOSE: "disclosed",
        Operation.GENERALISE: "generalised",
        Operation.DELETE: "deleted",
    }
    return ", ".join(f"{what.count(o)} {word}" for o, word in said.items() if o in what)
