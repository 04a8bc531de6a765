"""Tables and lines for a page or a notebook, as HTML that wraps on a narrow screen."""

import html
import re
from collections.abc import Callable, Mapping
from itertools import groupby, zip_longest

import numpy as np
import pandas as pd
from rapidfuzz.distance import Levenshtein

from aalprivacy.attributes import SEPARATOR, in_words
from aalprivacy.plotting.data import operation
from aalprivacy.policy import Operation
from aalprivacy.schema import Schema

# Half transparent colours, which fit a light page and a dark one. On a narrow screen each row of
# the views' table is a paragraph of its own, with the receivers' names beside the values.
STYLE = """<style>
.aal-table { border-collapse: collapse; border: 0; font-variant-numeric: tabular-nums; }
.aal-table th, .aal-table td { border: 0; border-bottom: 1px solid #8884; padding: .25em .6em; }
.aal-table th, .aal-table td { text-align: left; vertical-align: top; }
.aal-table .number { text-align: right; }
.aal-wide { overflow-x: auto; }
.aal-views td { overflow-wrap: anywhere; }
.aal-F { background: #0072b224; } .aal-G { background: #e69f0038; } .aal-D { background: #8883; }
.aal-lines del { background: #d55e0040; } .aal-lines ins { background: #009e7340; }
.aal-lines pre, .aal-lines code { padding: 0; background: none; border: 0; font-size: .85rem; }
.aal-lines pre { display: inline-block; margin: .4em 1.2em .4em 0; line-height: 1.5; }
.aal-lines code { overflow-wrap: anywhere; white-space: pre-wrap; }
@media (max-width: 46rem) {
  .aal-views thead { display: none; }
  .aal-views, .aal-views tbody, .aal-views tr, .aal-views th { display: block; }
  .aal-views th { border: 0; padding: .7em 0 .1em; }
  .aal-views td { display: inline-block; border: 0; border-radius: 4px; margin: .1em .3em .1em 0; }
  .aal-views td::before { content: attr(data-of) ": "; opacity: .7; font-style: normal; }
}
</style>"""
WIDTH = 40  # characters that fit into a row on a telephone


class Html(str):
    """HTML that a notebook renders."""

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/html": str(self), "text/plain": "a table or lines, as HTML"}

    def __html__(self) -> str:
        """For templates, which would otherwise escape it."""
        return str(self)


def table(
    frame: pd.DataFrame, forms: Mapping[str, str | Callable] | None = None, *, index: bool = True
) -> Html:
    """A table with words as headings and right-aligned numbers.

    Parameters
    ----------
    frame
        Any table. Names of attributes and receivers in its headings and index become words.
    forms
        Column -> the format of its values, such as ``"{:.2f}"``, or a function. Other numbers have
        commas between thousands, and fractions have two decimals. Missing values are a dash.
    index
        Whether the index is shown.
    """
    forms = {name: form if callable(form) else form.format for name, form in (forms or {}).items()}
    head = [_name(name) for name in frame.columns]
    types = frame.dtypes
    numeric = [
        pd.api.types.is_numeric_dtype(t) and not pd.api.types.is_bool_dtype(t) for t in types
    ]
    if index:
        head = ["" if name is None else _name(name) for name in frame.index.names] + head
    rows = [_row("th", head, [False] * (len(head) - len(numeric)) + numeric)]
    before: list[str] = []
    for label, values in zip(frame.index, frame.itertuples(index=False), strict=True):
        names = [_name(part) for part in (label if isinstance(label, tuple) else (label,))]
        cells = [
            _cell(value, forms.get(name)) for name, value in zip(frame.columns, values, strict=True)
        ]
        # A label isn't repeated if the row above has it.
        shown = ["" if len(names) > 1 and names[: i + 1] == before[: i + 1] and i + 1 < len(names)
                 else name for i, name in enumerate(names)]  # fmt: skip
        before = names
        left = (
            "".join(f'<th scope="row">{html.escape(name)}</th>' for name in shown) if index else ""
        )
        rows.append(_row("td", cells, numeric, left))
    body = f"<thead>{rows[0]}</thead><tbody>{''.join(rows[1:])}</tbody>"
    return Html(f'{STYLE}<div class="aal-wide"><table class="aal-table">{body}</table></div>')


def _row(kind: str, cells: list[str], numeric: list[bool], left: str = "") -> str:
    marks = [' class="number"' if number else "" for number in numeric]
    parts = [f"<{kind}{mark}>{html.escape(cell)}</{kind}>" for cell, mark in
             zip(cells, marks, strict=True)]  # fmt: skip
    return f"<tr>{left}{''.join(parts)}</tr>"


def _name(name: object) -> str:
    """A heading: the name of an attribute or receiver as words, anything else as it is."""
    if pd.api.types.is_float(name):
        return f"{name:g}"
    is_name = isinstance(name, str) and re.fullmatch(r"[a-z]\w*(\.[a-z]\w*)*", name)
    return in_words(name) if is_name else _cell(name, None)


def _cell(value: object, form: Callable | None) -> str:
    if not isinstance(value, str) and pd.isna(value):
        return "–"
    if form:
        return form(value)
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if not pd.api.types.is_number(value):
        return str(value)
    return f"{value:,.2f}" if pd.api.types.is_float(value) else f"{value:,}"


def view_page(entry: pd.Series, views: Mapping[str, pd.Series], schema: Schema) -> Html:
    """One entry and its views side by side, for a page (an example of the paper's Table I).

    Operations are shown by colour and by type: a generalised value is in italics, a deleted one is
    ``*``. On a narrow screen the views stand below each other.

    Parameters
    ----------
    entry
        Attribute name -> value.
    views
        Receiver -> its view: attribute name -> value.
    schema
        The entry's schema.
    """
    heads = ["", "entry", *map(in_words, views)]
    rows = []
    for attribute in schema.attributes:
        value = entry[attribute.name]
        cells = [f'<td data-of="entry">{html.escape(value)}</td>']
        for receiver, view in views.items():
            seen = view[attribute.name]
            what = operation(value, seen)
            text = html.escape(seen)
            text = f"<em>{text}</em>" if what is Operation.GENERALISE else text
            cells.append(f'<td class="aal-{what.value}" data-of="{in_words(receiver)}">{text}</td>')
        label = html.escape(attribute.label)
        rows.append(f'<tr><th scope="row">{label}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    return Html(
        f'{STYLE}<p><span class="aal-F">disclosed</span>, <em class="aal-G">generalised</em>, '
        f'<span class="aal-D">deleted: *</span></p><table class="aal-table aal-views">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def marked(decoded: str, expected: str) -> str:
    """A decoded line and, under it, a mark at every error, as plain text.

    ``^`` marks a character that is wrong or surplus. ``v`` marks a character before which one is
    missing.
    """
    marks = [" "] * (len(decoded) + 1)
    for edit in Levenshtein.editops(decoded, expected):
        marks[edit.src_pos] = "v" if edit.tag == "insert" else "^"
    return decoded + "\n" + "".join(marks).rstrip()


def aligned(decoded: str, expected: str) -> Html:
    """A decoded line under the expected one, character by character, with errors marked.

    Wrong characters of the decoded line are struck through. The right characters are underlined in
    the expected line (the paper's figures 5 and 6).

    Parameters
    ----------
    decoded, expected
        Lines. They are aligned with the fewest edits, in rows that fit on a telephone.
    """
    pairs = _alignment(decoded, expected)
    blocks = []
    for row in _rows(pairs, WIDTH):
        upper, lower = ("".join(_part(side, *both) for both in groupby(row, lambda p: p[0] != p[1]))
                        for side in (0, 1))  # fmt: skip
        blocks.append(f"<pre>{upper}\n{lower}</pre>")
    edits = _edits(sum(want != got for want, got in pairs))
    return Html(
        f'{STYLE}<div class="aal-lines"><p>Above: the expected line, {len(expected)} characters. '
        f"Below: the decoded one, which takes {edits} to put right.</p>{''.join(blocks)}</div>"
    )


def differences(decoded: pd.Series, expected: pd.Series) -> Html:
    """Decoded lines as a list; errors are struck through, with the right text beside them.

    Parameters
    ----------
    decoded, expected
        Lines of the same rows.
    """
    items = []
    for got, want in zip(decoded, expected, strict=True):
        pairs = _alignment(got, want)
        text = ""
        for wrong, group in groupby(pairs, lambda p: p[0] != p[1]):
            part = list(group)
            if wrong:
                text += _part(1, True, part, "") + _part(0, True, part, "")
            else:
                text += _part(1, False, part)
        edits = sum(a != b for a, b in pairs)
        items.append(f"<li><code>{text}</code> ({_edits(edits) if edits else 'right'})</li>")
    return Html(f'{STYLE}<ol class="aal-lines">{"".join(items)}</ol>')


def _edits(number: int) -> str:
    return "1 edit" if number == 1 else f"{number or 'no'} edits"


def _part(side: int, wrong: bool, pairs, filling: str = " ") -> str:
    """One line's characters in a part of an alignment, marked if they are wrong."""
    tag = ("ins", "del")[side]
    parts = []
    for there, group in groupby((pair[side] for pair in pairs), bool):
        text = html.escape("".join(character or filling for character in group))
        parts.append(f"<{tag}>{text}</{tag}>" if wrong and there else text)
    return "".join(parts)


def _rows(pairs: list[tuple[str, str]], width: int) -> list[list[tuple[str, str]]]:
    """An alignment in rows of at most `width`, broken after a separator if possible."""
    rows = []
    while len(pairs) > width:
        ends = [at for at in range(width) if pairs[at][0] == SEPARATOR]
        cut = ends[-1] + 1 if ends else width
        rows.append(pairs[:cut])
        pairs = pairs[cut:]
    return [*rows, pairs]


def _alignment(decoded: str, expected: str) -> list[tuple[str, str]]:
    """Expected and decoded characters in pairs; a character without a partner has ``""``."""
    pairs = []
    for edit in Levenshtein.opcodes(expected, decoded):
        want, got = (
            expected[edit.src_start : edit.src_end],
            decoded[edit.dest_start : edit.dest_end],
        )
        pairs += zip_longest(want, got, fillvalue="")
    return pairs
