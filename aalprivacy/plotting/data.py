"""Figures of the example's entries, those of simulated homes."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from aalprivacy.homes import ROOMS
from aalprivacy.plotting.style import BLUE, GREEN, GREY, ORANGE, PURPLE, STYLE


def distributions(entries: pd.DataFrame) -> Figure:
    """How entries are spread: ages, diseases, rooms, steps, temperature, energy.

    Parameters
    ----------
    entries
        As `aalprivacy.homes.simulate` makes them, of some hundred users or more. If they have a
        ``user_id``, each person counts once.
    """
    people = entries.drop_duplicates("user_id") if "user_id" in entries else entries
    hour = entries["timestamp"].str[9:11].astype(int)
    month = entries["timestamp"].str[4:6].astype(int)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 6.2))
        (ages, diseases, rooms), (steps, warmth, energy) = figure.subplots(2, 3)
        genders = [people["age"][people["gender"] == g].astype(int) for g in ("female", "male")]
        ages.hist(genders, bins=np.arange(60, 101, 5), stacked=True, color=[PURPLE, BLUE],
                  label=["women", "men"])  # fmt: skip
        ages.set(xlabel="age in years", ylabel="people")
        ages.legend(frameon=False)
        counts = people["disease"].value_counts().head(10)[::-1]
        diseases.barh(counts.index, counts, color=BLUE)
        diseases.set(xlabel="people", title="the ten most frequent diseases")
        share = pd.crosstab(hour, entries["presence_sensor"], normalize="index")
        colours = [BLUE, GREEN, ORANGE, PURPLE, GREY, "#DDDDDD"]
        rooms.stackplot(share.index, *(share[room] for room in ROOMS), labels=ROOMS,
                        colors=colours)  # fmt: skip
        rooms.set(xlabel="hour of the day", ylabel="share of entries", ylim=(0, 1))
        handles, labels = rooms.get_legend_handles_labels()
        rooms.legend(handles[::-1], labels[::-1], frameon=False, loc="center left",
                     bbox_to_anchor=(1, 0.5))  # fmt: skip
        day = "hour of the day"
        for axes, column, by, colour, across, along in (
            (steps, "wearable_pedometer", hour, BLUE, day, "steps in the last hour"),
            (warmth, "temperature_sensor", month, ORANGE, "month", "temperature in °C"),
            (energy, "energy_consumption", hour, GREEN, day, "energy in Wh, last hour"),
        ):
            # Missing values become NaN, which the quantiles leave out.
            values = pd.to_numeric(entries[column], errors="coerce").groupby(by)
            low, middle, high = (values.quantile(q) for q in (0.25, 0.5, 0.75))
            axes.fill_between(low.index, low, high, color=colour, alpha=0.25, linewidth=0)
            axes.plot(middle, color=colour)
            axes.set(xlabel=across, ylabel=f"{along}\nmedian, middle half", ylim=(0, None))
        warmth.set_xticks(range(1, 13, 2))
        return figure
