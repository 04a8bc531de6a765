"""A widget for notebooks: type an entry, choose encoder and decoder, see code and view at once."""

import html
from collections.abc import Mapping

import ipywidgets
import pandas as pd

from aalprivacy import plotting
from aalprivacy.attributes import in_words
from aalprivacy.errors import InputError
from aalprivacy.pair import Pair
from aalprivacy.text import from_lines
from aalprivacy.views import apply_policy


class Explorer(ipywidgets.VBox):
    """A field for each value of an entry, menus for encoder and decoder, and the decoded view.

    Without a running kernel, a page shows the view as a table.

    Parameters
    ----------
    pairs
        Name -> pair, all with the same attributes and with codes of one width. Encoder and decoder
        are chosen separately.
    entry
        Attribute name -> the value to start with.
    encoder, decoder
        Names to start with; by default the first pair's.

    Raises
    ------
    InputError
        If there are no pairs, or their attributes or codes differ.
    """

    def __init__(
        self,
        pairs: Mapping[str, Pair],
        entry: pd.Series,
        encoder: str | None = None,
        decoder: str | None = None,
    ) -> None:
        self.pairs = dict(pairs)
        forms = {(pair.schema.names, pair.architecture.width) for pair in self.pairs.values()}
        if len(forms) != 1:
            raise InputError(
                "expected pairs of the same attributes and width of code, at least one"
            )
        first = next(iter(self.pairs))
        self.schema = self.pairs[first].schema
        self.fields = {
            a.name: ipywidgets.Text(
                entry[a.name], description=a.label, continuous_update=False,
                style={"description_width": "10em"},
            )
            for a in self.schema.attributes
        }  # fmt: skip
        self.encoder, self.decoder = (
            ipywidgets.Dropdown(options=list(self.pairs), value=chosen or first, description=what)
            for what, chosen in (("encoder", encoder), ("decoder", decoder))
        )
        self.code, self.view = ipywidgets.HTML(), ipywidgets.HTML()
        for control in (*self.fields.values(), self.encoder, self.decoder):
            control.observe(lambda change: self.refresh(), names="value")
        fields = list(self.fields.values())
        half = (len(fields) + 1) // 2
        super().__init__(
            [
                ipywidgets.HBox([ipywidgets.VBox(fields[:half]), ipywidgets.VBox(fields[half:])]),
                ipywidgets.HBox([self.encoder, self.decoder]),
                self.code,
                self.view,
            ]
        )
        self.refresh()

    def refresh(self) -> None:
        """Encode and decode the entry in the fields, or show which value doesn't fit."""
        values = {name: [field.value] for name, field in self.fields.items()}
        entry = pd.DataFrame(values, dtype="str")
        encoder, decoder = self.pairs[self.encoder.value], self.pairs[self.decoder.value]
        try:
            expected = apply_policy(entry, decoder.policy, decoder.receiver)
            codes = encoder.encode_entries(entry)
        except InputError as error:
            self.view.value = f"<p><b>{html.escape(str(error))}</b></p>"
            return
        self.code.value = plotting.code_strip(codes).to_html()
        line = decoder.decode(codes)
        decoded = from_lines(line, self.schema, errors="coerce")
        sides = {"entry": entry.iloc[0], "decoded": decoded.iloc[0], "by rule": expected.iloc[0]}
        self.view.value = f"<p><code>{html.escape(line[0])}</code></p>" + plotting.table(
            pd.DataFrame(sides).set_axis(self.schema.labels)
        )

    def _repr_mimebundle_(self, **kwargs) -> dict:
        """The widget for a notebook, and a table for pages without a kernel."""
        encoder, decoder = (in_words(menu.value) for menu in (self.encoder, self.decoder))
        still = (
            f"<p>The explorer at its start, with the encoder of {html.escape(encoder)} and the "
            f"decoder of {html.escape(decoder)}. In a running notebook it reacts to changes.</p>"
        )
        shown = super()._repr_mimebundle_(**kwargs) or {}
        return shown | {"text/html": still + self.view.value}
