"""Figures of codes and of single units."""

from collections.abc import Mapping

import matplotlib
import numpy as np

from aalprivacy.attributes import SEPARATOR, in_words
from aalprivacy.plotting.style import GREY, INK, SERIES, STYLE, Drawing


def code_strip(codes: np.ndarray, labels: list[str] | None = None, title: str = "") -> Drawing:
    """Codes as heat strips: a row for each code, with its states ``h`` and ``c`` side by side.

    Numbers are rounded to two decimals. Their last bits depend on the processor, and would change
    the picture.

    Parameters
    ----------
    codes
        float32 ``(n, 2 units)``.
    labels
        Names of the rows; none by default.
    title
        The title; none by default.
    """
    codes = np.atleast_2d(codes).round(2)
    units = codes.shape[1] // 2
    with matplotlib.rc_context(STYLE):
        figure = Drawing(11, 1.2 + 0.25 * max(2, len(codes)), title)
        panels = figure.subplots(1, 2, sharey=True)
        for axes, part, letter in zip(
            panels, (codes[:, :units], codes[:, units:]), "hc", strict=True
        ):
            limit = float(np.abs(part).max()) or 1.0
            image = axes.imshow(
                part, aspect="auto", cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest"
            )
            axes.set_xlabel(f"unit of {letter}")
            axes.set_yticks(range(len(codes)), labels or [""] * len(codes))
            figure.colorbar(image, ax=axes, label=f"value of {letter}", pad=0.01)
        rows = f"{len(codes)} codes, one a row" if len(codes) > 1 else "A code"
        figure.details = (
            f"{rows}: the {units} values of h on the left, the {units} of c on the right, orange "
            "where negative, violet where positive"
        )
        return figure


def code_map(
    maps: Mapping[str, tuple[np.ndarray, np.ndarray, list[str]]], title: str = ""
) -> Drawing:
    """Codes on a plane, each with the mark of its group.

    Positions are rounded to two decimals, for the same reason as in `code_strip`.

    Parameters
    ----------
    maps
        Title of a panel -> positions ``(n, 2)``, each axis's share of the variance, and the group
        of each code. With more than eight groups, some have the same mark.
    title
        The title, if it isn't the usual one.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(5.2 * len(maps), 4.9, title or "Codes by their two main directions")
        panels = np.atleast_1d(figure.subplots(1, len(maps)))
        for axes, (name, (places, shares, groups)) in zip(panels, maps.items(), strict=True):
            names = list(dict.fromkeys(groups))
            for i, group in enumerate(names):
                inside = np.array([other == group for other in groups])
                colour, marker, _ = SERIES[i % len(SERIES)]
                axes.scatter(*places[inside].round(2).T, s=26, color=colour, marker=marker,
                             alpha=0.75, linewidths=0, label=in_words(group))  # fmt: skip
            for axis, which, part in zip("xy", ("first", "second"), shares, strict=True):
                axes.set(**{f"{axis}label": f"{which} direction, {part:.0%} of the variance"})
            axes.set_title(name)
            axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper center",
                        bbox_to_anchor=(0.5, -0.14))  # fmt: skip
        figure.details = ". ".join(
            f"{name}: {len(places)} codes in {len(set(groups))} groups"
            for name, (places, _, groups) in maps.items()
        )
        return figure


def unit_activity(
    states: np.ndarray,
    line: str,
    units: list[int],
    titles: list[str],
    apart: int = 0,
    *,
    reverse: bool = True,
    title: str = "",
) -> Drawing:
    """The states of single units while a line is read, character by character.

    A thin line separates two attributes. States are rounded to two decimals, for the same reason as
    in `code_strip`.

    Parameters
    ----------
    states
        float ``(length, all units)`` of the line, from `aalprivacy.inspection.read_states`.
    line
        The line.
    units, titles
        The units to draw, and a label for each.
    apart
        If there are two kinds of units: the number of the first kind. A line separates them.
    reverse
        Whether the encoder reads from the line's end, as in its architecture.
    title
        The title, if it isn't the usual one.
    """
    side = "right" if reverse else "left"
    with matplotlib.rc_context(STYLE):
        figure = Drawing(max(6.0, 2.3 + 0.074 * len(line)), 1.3 + 0.34 * len(units),
                         title or f"What {len(units)} units hold while a line is read")  # fmt: skip
        axes = figure.subplots()
        values = states[: len(line), units].T.round(2)
        image = axes.imshow(values, aspect="auto", cmap="PuOr", vmin=-1, vmax=1)
        axes.set_xticks(range(len(line)), line, family="monospace", fontsize=6.5)
        axes.set_yticks(range(len(units)), titles)
        axes.set_xlabel(f"the line, which is read from the {side}")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for at, character in enumerate(line):
            if character == SEPARATOR:
                axes.axvline(at + 0.5, color=INK, linewidth=0.4)
        if apart:
            axes.axhline(apart - 0.5, color=INK, linewidth=1.5)
        figure.colorbar(image, ax=axes, label="state h", pad=0.01)
        figure.details = (
            f"Units {', '.join(map(str, units))}, orange where the state is negative, violet where "
            f"it is positive; the line is read from the {side}"
        )
        return figure


def memories(
    shares: Mapping[str, np.ndarray], steps: np.ndarray, gate: float, title: str = ""
) -> Drawing:
    """What a code holds of a character, by how long before the end it was read; log scale.

    Parameters
    ----------
    shares
        Name of an encoder -> how far its codes move if one character changes, as a share of the
        distance of two lines' codes, ``(n,)``.
    steps
        How many steps before the end the character is read, ``(n,)``.
    gate
        Of a forget gate that is always the same: its powers are drawn, too.
    title
        What the figure shows, if not only that.
    """
    with matplotlib.rc_context(STYLE):
        figure = Drawing(6.8, 3.9, title or "What codes hold of a character read earlier")
        axes = figure.subplots()
        for (name, values), (colour, marker, line) in zip(shares.items(), SERIES, strict=False):
            axes.semilogy(steps, values, color=colour, marker=marker, markersize=4, linestyle=line,
                          label=name)  # fmt: skip
        axes.semilogy(steps, gate**steps, color=GREY, linestyle=":",
                      label=f"{gate:.2f} to the power of the steps")  # fmt: skip
        axes.set_xlabel("steps before the end at which one character is changed")
        axes.set_ylabel("how far the code moves\n(1: as far as to another line's)")
        axes.legend(frameon=False)
        each = [
            f"{name}, {values[0]:.1g} at {steps[0]} and {values[-1]:.0e} at {steps[-1]} steps"
            for name, values in shares.items()
        ]
        figure.details = f"How far the code moves: {'; '.join(each)} before the end"
        return figure
