"""Hands on, in a notebook: type an entry, choose encoder and decoder, see code and view at once."""

import html
import io
from collections.abc import Mapping

import ipywidgets
import pandas as pd

from aalprivacy import plotting
from aalprivacy.attributes import ATTRIBUTES, NAMES
from aalprivacy.errors import InputError
from aalprivacy.model import Pair
from aalprivacy.text import from_lines, from_tokens
from aalprivacy.views import apply_policy


class Explorer(ipywidgets.VBox):
    """Fields for the twenty values, two menus, and what comes out of them.

    Parameters
    ----------
    pairs
        Name -> pair; its encoder and its decoder can be chosen apart.
    entry
        The twenty values to start with.
    encoder, decoder
        Names to start with; by default the first pair's.
    """

    def __init__(
        self,
        pairs: Mapping[str, Pair],
        entry: pd.Series,
        encoder: str | None = None,
        decoder: str | None = None,
    ) -> None:
        self.pairs = dict(pairs)
        first = next(iter(self.pairs))
        self.fields = {
            a.name: ipywidgets.Text(
                entry[a.name], description=a.label, continuous_update=False,
                style={"description_width": "10em"},
            )
            for a in ATTRIBUTES
        }  # fmt: skip
        self.encoder, self.decoder = (
            ipywidgets.Dropdown(options=list(self.pairs), value=chosen or first, description=what)
            for what, chosen in (("encoder", encoder), ("decoder", decoder))
        )
        self.code, self.view = ipywidgets.Image(format="png"), ipywidgets.HTML()
        for control in (*self.fields.values(), self.encoder, self.decoder):
            control.observe(lambda change: self.refresh(), names="value")
        fields = list(self.fields.values())
        super().__init__(
            [
                ipywidgets.HBox([ipywidgets.VBox(fields[:10]), ipywidgets.VBox(fields[10:])]),
                ipywidgets.HBox([self.encoder, self.decoder]),
                self.code,
                self.view,
            ]
        )
        self.refresh()

    def refresh(self) -> None:
        """Encode and decode what the fields say; an unfit value is named where the view was."""
        entry = pd.DataFrame(
            [[field.value for field in self.fields.values()]], columns=list(NAMES), dtype="str"
        )
        encoder, decoder = self.pairs[self.encoder.value], self.pairs[self.decoder.value]
        try:
            expected = apply_policy(entry, decoder.policy, decoder.receiver)
            codes = encoder.encode_entries(entry)
        except InputError as error:
            self.view.value = f"<p><b>{html.escape(str(error))}</b></p>"
            return
        picture = io.BytesIO()
        plotting.code_strip(codes, [""]).savefig(picture, format="png")
        self.code.value = picture.getvalue()
        line = from_tokens(decoder.decode(codes))
        values = from_lines(line, errors="coerce").iloc[0]
        rows = "".join(
            f"<tr><td>{a.label}</td><td>{html.escape(values[a.name])}</td>"
            f"<td>{html.escape(expected.iloc[0][a.name])}</td></tr>"
            for a in ATTRIBUTES
        )
        self.view.value = (
            f"<pre>{html.escape(line[0])}</pre>"
            f"<table><tr><th></th><th>decoded</th><th>by rule</th></tr>{rows}</table>"
        )
