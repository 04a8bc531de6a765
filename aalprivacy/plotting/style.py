"""One style for all figures, and how they are shown and written."""

import base64
import html
import io
from pathlib import Path

import matplotlib
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure
from PIL import Image

from aalprivacy.atomic import write_whole
from aalprivacy.errors import InputError
from aalprivacy.policy import Operation

# Okabe & Ito's colours, which colour-blind readers can distinguish.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
VERMILION, SKY = "#D55E00", "#56B4E9"
# Each series has its own colour, marker and kind of line, so that it can be found without colour.
SERIES = (
    (BLUE, "o", "-"), (ORANGE, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":"),
    (VERMILION, "v", (0, (5, 1, 1, 1, 1, 1))), (SKY, "P", (0, (8, 2))), ("black", "X", (0, (1, 1))),
    ("#7F4F24", "*", (0, (3, 4))),
)  # fmt: skip
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "----")
INK, GREY = "#333333", "#767676"
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
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "hatch.linewidth": 0.6,
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
}


class Drawing(Figure):
    """A figure with a title and an alternative text.

    A notebook shows it as HTML: a picture with its alternative text. JupyterLab and nbconvert would
    drop the alternative text of a plain picture.

    Parameters
    ----------
    width, height
        In inches.
    title
        What the figure shows; a diagram that the page explains needs none.
    """

    def __init__(self, width: float, height: float, title: str = "") -> None:
        super().__init__(figsize=(width, height))
        self.title = title
        self.details = ""
        if title:
            self.suptitle(title, x=0.01, ha="left", fontsize=11)

    @property
    def alt(self) -> str:
        """The alternative text, for people who can't see the figure: its title and results."""
        title = self.title.replace("\n", " ")
        return " ".join(f"{part}." if part[-1] not in ".?!" else part
                        for part in (title, self.details) if part)  # fmt: skip

    def to_html(self) -> str:
        """The figure as a picture in a page, with its alternative text."""
        drawn, small = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png")
        # 256 colours are enough for a drawing, and a third of the bytes.
        with Image.open(drawn) as picture:
            picture.convert("RGB").quantize(method=Image.Quantize.FASTOCTREE).save(small, "png")
        source = f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"
        style = "max-width: 100%; background: #fff"
        return f'<img alt="{html.escape(self.alt)}" style="{style}" src="{source}">'

    def _ipython_display_(self) -> None:
        """Show the figure in a notebook as HTML, also if matplotlib has other settings."""
        from IPython.display import display

        display({"text/html": self.to_html(), "text/plain": self.alt}, raw=True)


def write_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format of its name's ending, whole or not at all.

    An SVG of the same figure always has the same bytes, and its text stays text. A `Drawing`'s
    alternative text becomes the title of an SVG and the description of a PNG.

    Parameters
    ----------
    path
        Such as ``figure.svg`` or ``figure.png``.

    Raises
    ------
    InputError
        If it can't be written, or the ending isn't one of a picture format.
    """
    form = Path(path).suffix[1:].lower()
    known = FigureCanvasBase.get_supported_filetypes()
    if form not in known:
        raise InputError(f"{path}: unknown ending {form!r}; expected one of {', '.join(known)}")
    alt = getattr(figure, "alt", "")
    metadata = {"svg": {"Date": None, "Title": alt or None}, "png": {"Description": alt}}.get(form)
    style = {"svg.fonttype": "none", "svg.hashsalt": "aalprivacy"}

    def write(draft: Path) -> None:
        with matplotlib.rc_context(style):
            figure.savefig(draft, format=form, metadata=metadata)

    write_whole(path, write)
