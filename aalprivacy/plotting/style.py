"""One style for all figures, and how they are written."""

from pathlib import Path

import matplotlib
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

from aalprivacy.atomic import write_whole
from aalprivacy.errors import InputError
from aalprivacy.policy import Operation

# Okabe & Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
VERMILION, SKY = "#D55E00", "#56B4E9"
SERIES = (
    (BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"), (VERMILION, "v"), (SKY, "P"),
    ("black", "X"), ("#7F4F24", "*"),
)  # fmt: skip
INK, GREY = "#333333", "#999999"
PALE = {"blue": "#DCEBF5", "yellow": "#FBEBC8", "grey": "#EFEFEF"}
OPERATION_COLOURS = {
    Operation.DISCLOSE: PALE["blue"],
    Operation.GENERALISE: PALE["yellow"],
    Operation.DELETE: PALE["grey"],
}
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "figure.constrained_layout.use": True,
}


def write_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure in the form that its name's ending says, whole or not at all.

    An SVG of the same figure has the same bytes, and its text stays text.

    Parameters
    ----------
    path
        Such as ``figure.svg`` or ``figure.png``.

    Raises
    ------
    InputError
        If it can't be written, or the ending is of no form of picture.
    """
    form = Path(path).suffix[1:].lower()
    known = FigureCanvasBase.get_supported_filetypes()
    if form not in known:
        raise InputError(f"{path}: unknown ending {form!r}; expected one of {', '.join(known)}")
    metadata = {"Date": None} if form == "svg" else None
    style = {"svg.fonttype": "none", "svg.hashsalt": "aalprivacy"}

    def write(draft: Path) -> None:
        with matplotlib.rc_context(style):
            figure.savefig(draft, format=form, metadata=metadata)

    write_whole(path, write)
