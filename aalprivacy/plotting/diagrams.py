"""The paper's diagrams, redrawn: the cell, the system, the model, the operations."""

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon

from aalprivacy.attributes import in_words
from aalprivacy.plotting.data import counts
from aalprivacy.plotting.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    OPERATION_COLOURS,
    ORANGE,
    PALE,
    PURPLE,
    STYLE,
    Drawing,
)
from aalprivacy.policy import TABLE_I, Operation, Policy


def lstm_cell() -> Drawing:
    """One step of an LSTM, as Keras computes it (the paper's figure 1).

    Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al. (2000).
    """
    figure, axes = _canvas(10.2, 4.1, left=-0.4)
    axes.add_patch(_rounded(1.2, 0.55, 7.4, 3.3, PALE["grey"], INK))
    state, hidden = 3.35, 1.0
    gates = {
        2.2: ("σ", "forget", BLUE),
        3.6: ("σ", "input", BLUE),
        5.0: ("tanh", "candidate", ORANGE),
        6.4: ("σ", "output", BLUE),
    }
    for x, (symbol, name, colour) in gates.items():
        text = "black" if colour == ORANGE else "white"
        _box(axes, x - 0.42, 1.45, 0.84, 0.5, symbol, colour, text=text, size=11)
        axes.text(x + 0.07, 1.36, name, fontsize=8, color=INK, ha="left", va="top")
        _arrow(axes, (x, hidden), (x, 1.45))
    axes.plot([0.4, 6.4], [hidden, hidden], color=INK, linewidth=1.3)
    _arrow(axes, (1.7, 0.05), (1.7, hidden))
    _arrow(axes, (0.3, state), (2.05, state))
    _arrow(axes, (2.35, state), (4.15, state))
    _arrow(axes, (4.45, state), (9.3, state))
    for x, y, symbol in ((2.2, state, "×"), (4.3, state, "+"), (4.3, 2.55, "×"), (7.7, 2.2, "×")):
        _circle(axes, x, y, symbol)
    _arrow(axes, (2.2, 1.95), (2.2, state - 0.15))
    _arrow(axes, (3.6, 1.95), (4.17, 2.47))
    _arrow(axes, (5.0, 1.95), (4.43, 2.47))
    _arrow(axes, (4.3, 2.7), (4.3, state - 0.15))
    _arrow(axes, (6.4, 1.95), (7.55, 2.15))
    _box(axes, 7.28, 2.62, 0.84, 0.4, "tanh", ORANGE)
    _arrow(axes, (7.7, state), (7.7, 3.02))
    _arrow(axes, (7.7, 2.62), (7.7, 2.35))
    _arrow(axes, (7.7, 2.05), (7.7, hidden), head=False)
    _arrow(axes, (7.7, hidden), (9.3, hidden))
    for x, y, name, side in (
        (0.25, state, "$c_{t-1}$", "right"),
        (0.35, hidden, "$h_{t-1}$", "right"),
        (9.35, state, "$c_t$", "left"),
        (9.35, hidden, "$h_t$", "left"),
    ):
        axes.text(x, y, name, fontsize=12, ha=side, va="center")
    axes.text(1.8, 0.1, "$x_t$", fontsize=12, ha="left", va="center")
    figure.details = (
        "One step of an LSTM. The character x and the state h of the step before go through four "
        "layers: forget, input and output gate, which are sigmoid, and the candidate, which is "
        "tanh. The memory c is multiplied by forget, then input times candidate is added. The new "
        "h is the output gate times the tanh of the new c"
    )
    return figure


def architecture(views: Mapping[str, str], policy: Policy = TABLE_I) -> Drawing:
    """The system: a home, an encoder and a decoder for each receiver (the paper's figure 2).

    Parameters
    ----------
    views
        Receiver -> the beginning of a line of its view, to be shown.
    policy
        The receivers' policy, for the number of attributes disclosed, generalised and deleted.
    """
    figure, axes = _canvas(11.2, max(3.7, 0.6 + 1.25 * len(views)))
    top = axes.get_ylim()[1]
    middle = top / 2 - 0.25
    axes.add_patch(Polygon([(0.3, middle + 0.7), (1.35, middle + 1.6), (2.4, middle + 0.7)],
                           closed=True, facecolor=ORANGE, edgecolor="none"))  # fmt: skip
    axes.add_patch(_rounded(0.5, middle - 1.25, 1.7, 1.9, PALE["yellow"], "none"))
    home = "John's home\n\npersonal data\nvital signs\nmotion, light,\nwindows, door,\nenergy"
    axes.text(1.35, middle - 0.3, home, ha="center", va="center", fontsize=9)
    axes.text(3.55, top - 0.35, "encoder: the lock", ha="center", fontsize=9, color=BLUE)
    axes.text(5.6, top - 0.35, "code in the cloud", ha="center", fontsize=9)
    axes.text(7.35, top - 0.35, "decoder: the key", ha="center", fontsize=9, color=GREEN)
    axes.text(8.5, top - 0.35, "view", ha="left", fontsize=9)
    told = []
    for row, (receiver, view) in enumerate(views.items()):
        y = middle + 0.125 + 1.25 * ((len(views) - 1) / 2 - row)
        _arrow(axes, (2.25, middle - 0.2), (2.95, y))
        _box(axes, 3.0, y - 0.27, 1.1, 0.54, "LSTM", BLUE, text="white")
        _arrow(axes, (4.15, y), (4.75, y))
        # Random numbers, different in each row, as each encoder has its own codes.
        for i, bit in enumerate(np.random.default_rng(row).integers(0, 2, 8)):
            shade = PALE["blue" if bit else "yellow"]
            axes.add_patch(_rounded(4.82 + 0.19 * i, y - 0.14, 0.15, 0.28, shade, INK, 0.5))
        _arrow(axes, (6.4, y), (6.75, y))
        _box(axes, 6.8, y - 0.27, 1.1, 0.54, "LSTM", GREEN, text="white")
        _arrow(axes, (7.95, y), (8.4, y))
        said = counts(list(policy.for_receiver(receiver).values()))
        axes.text(8.5, y + 0.26, in_words(receiver), fontsize=10, weight="bold")
        axes.text(8.5, y - 0.04, said, fontsize=8, color=INK)
        axes.text(8.5, y - 0.32, view, fontsize=8, family="monospace")
        told.append(f"{in_words(receiver)} {said}")
    figure.details = (
        "A home's entries go to an encoder for each receiver; its codes lie in the cloud, and the "
        f"receiver's decoder turns them into its view. Attributes: {'; '.join(told)}"
    )
    return figure


def encoder_decoder(entry: str, view: str, steps: int = 5) -> Drawing:
    """The model, step by step (the paper's figure 3).

    Parameters
    ----------
    entry, view
        Lines; the first few characters of each are drawn.
    steps
        The most characters that are drawn of each line.
    """
    steps = min(steps, len(entry), len(view))
    figure, axes = _canvas(12.2, 4.4, left=-0.2)
    gap, first = 0.92, 0.75
    for i, character in enumerate(reversed(entry[:steps])):
        x = first + gap * i
        _box(axes, x - 0.3, 2.0, 0.6, 0.6, "LSTM", BLUE, text="white", size=7)
        _box(axes, x - 0.2, 0.9, 0.4, 0.4, _shown(character), "none", edge=INK)
        _arrow(axes, (x, 1.33), (x, 1.98))
        _arrow(axes, (x - gap + 0.32 if i else x - 0.6, 2.3), (x - 0.32, 2.3))
    axes.text(first - 0.65, 2.3, "…", ha="right", va="center", fontsize=12)
    last = first + gap * (steps - 1)
    code = last + 1.15
    axes.add_patch(_rounded(code - 0.25, 1.35, 0.5, 1.9, PALE["yellow"], ORANGE))
    axes.text(code, 2.3, "code\n\n$h$\n\n$c$", ha="center", va="center", fontsize=9)
    _arrow(axes, (last + 0.32, 2.3), (code - 0.28, 2.3))
    begin = code + 1.3
    tokens = ["start", *view[: steps - 1]]
    for i, (token, written) in enumerate(zip(tokens, view[:steps], strict=True)):
        x = begin + gap * i
        _box(axes, x - 0.3, 2.0, 0.6, 0.6, "LSTM", GREEN, text="white", size=7)
        size = 6 if len(token) > 1 else 9
        _box(axes, x - 0.2, 0.9, 0.4, 0.4, _shown(token), "none", edge=INK, size=size)
        _box(axes, x - 0.2, 3.35, 0.4, 0.4, _shown(written), PALE["blue"], edge=INK)
        _arrow(axes, (x, 1.33), (x, 1.98))
        _arrow(axes, (x, 2.62), (x, 3.33))
        _arrow(axes, (x - gap + 0.32 if i else code + 0.28, 2.3), (x - 0.32, 2.3))
        if i + 1 < steps:
            between = x + gap / 2
            axes.plot(
                [x + 0.2, between, between], [3.55, 3.55, 1.1], color=GREY, linewidth=1, zorder=0
            )
            _arrow(axes, (between, 1.1), (x + gap - 0.2, 1.1), colour=GREY)
    end = begin + gap * (steps - 1)
    axes.text(end + 0.6, 2.3, "… until eos", ha="left", va="center", fontsize=10)
    axes.plot([code, code], [1.3, 0.45], color=ORANGE, linewidth=1.3)
    axes.plot([code, end + 0.25], [0.45, 0.45], color=ORANGE, linewidth=1.3)
    for i in range(steps):
        x = begin + gap * i + 0.25
        _arrow(axes, (x, 0.45), (x, 1.98), colour=ORANGE)
    axes.text((code + end) / 2 + 0.4, 0.15, "the code at every step", ha="center", fontsize=9)
    middle = (first + last) / 2
    axes.text(middle, 3.55, "encoder reads the entry from its end", ha="center", fontsize=9)
    axes.text((begin + end) / 2, 4.1, "decoder writes the view", ha="center", fontsize=9)
    figure.details = (
        "The encoder is one LSTM that reads the entry character by character, from its end; its "
        "last states h and c are the code. The decoder is another LSTM. It begins with the code, "
        "gets it again at every step, and writes the view character by character, each time "
        "reading the character that it wrote before"
    )
    return figure


def operations(entry: list[str], view: list[str], what: list[Operation]) -> Drawing:
    """What happens to each word of a sentence (the paper's figure 4).

    Parameters
    ----------
    entry, view
        The words that were read, and those that a model wrote.
    what
        The operation on each.
    """
    figure, axes = _canvas(8.4, 5.0, left=-0.3)
    gap = 7.4 / (len(entry) + 1)
    for i, (word, written, operation) in enumerate(zip(entry, view, what, strict=True)):
        x = gap * (i + 1)
        _box(axes, x - 0.85, 0.3, 1.7, 0.5, word, "none", edge=INK, size=11)
        _arrow(axes, (x, 0.83), (x, 1.22))
        _arrow(axes, (x, 3.33), (x, 4.22))
        _box(axes, x - 0.85, 4.25, 1.7, 0.5, written, OPERATION_COLOURS[operation], edge=INK,
             size=11)  # fmt: skip
        name = operation.name.capitalize()
        axes.text(x + 0.12, 3.75, name, fontsize=9, color=INK, ha="left", va="center")
    begin, end = 0.8, 7.0
    end_of_sequence = end + 0.35
    _box(axes, begin, 1.25, end - begin, 0.5, "encoder, character by character", BLUE, text="white")
    _box(axes, begin, 2.8, end_of_sequence + 0.3 - begin, 0.5,
         "decoder, character by character", GREEN, text="white")  # fmt: skip
    _arrow(axes, (end_of_sequence, 3.33), (end_of_sequence, 4.22))
    _box(axes, end_of_sequence - 0.25, 4.25, 0.5, 0.5, "eos", "none", edge=INK)
    middle = (begin + end) / 2
    for i in range(8):
        _box(axes, middle - 0.76 + 0.19 * i, 2.12, 0.15, 0.3, "", PALE["yellow"], edge=ORANGE)
    axes.text(middle + 0.9, 2.27, "code", fontsize=9, va="center")
    _arrow(axes, (middle, 1.77), (middle, 2.09))
    _arrow(axes, (middle, 2.45), (middle, 2.77))
    axes.text(0.0, 0.55, "read", fontsize=9, va="center")
    axes.text(0.0, 4.5, "written", fontsize=9, va="center")
    each = [f"{word} becomes {written} ({operation.name.lower()})"
            for word, written, operation in zip(entry, view, what, strict=True)]  # fmt: skip
    figure.details = (
        "A sentence goes through encoder, code and decoder, character by character: "
        + ", ".join(each)
    )
    return figure


def _canvas(width: float, height: float, left: float = 0.0) -> tuple[Drawing, Axes]:
    with matplotlib.rc_context(STYLE | {"figure.constrained_layout.use": False}):
        figure = Drawing(width, height)
        axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(left, left + width), ylim=(0, height), aspect="equal")
    axes.axis("off")
    return figure, axes


def _rounded(x, y, width, height, face, edge, line=1.0) -> FancyBboxPatch:
    style = "round,pad=0,rounding_size=0.08"
    return FancyBboxPatch(
        (x, y), width, height, boxstyle=style, facecolor=face, edgecolor=edge, linewidth=line
    )


def _box(axes, x, y, width, height, label, face, *, edge="none", text="black", size=9) -> None:
    axes.add_patch(_rounded(x, y, width, height, face, edge))
    axes.text(x + width / 2, y + height / 2, label, ha="center", va="center", color=text,
              fontsize=size)  # fmt: skip


def _circle(axes, x, y, symbol) -> None:
    axes.add_patch(Circle((x, y), 0.15, facecolor="white", edgecolor=PURPLE, linewidth=1.5))
    axes.text(x, y, symbol, ha="center", va="center", fontsize=11)


def _arrow(axes, start, end, *, head=True, colour=INK) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>" if head else "-", mutation_scale=9, color=colour,
            linewidth=1.2, shrinkA=0, shrinkB=0,
        )
    )  # fmt: skip


def _shown(character: str) -> str:
    return "␣" if character == " " else character
