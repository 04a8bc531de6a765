"""The live page: encoder and decoder in a web page that needs no server and sends nothing.

``python -m aalprivacy.page FOLDER`` writes ``index.html``, which works from disk and on any site.
It also writes a script for each shipped pair, which the page loads when the pair is chosen. In the
page, an LSTM in plain JavaScript (``live/lstm.js``) reads the weights and works like
`aalprivacy.runtime`. ``live/rule.js`` works like `aalprivacy.apply_policy`.
"""

import argparse
import base64
import json
import re
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jinja2
import pandas as pd

from aalprivacy.atomic import make_folder, write_text
from aalprivacy.attributes import DIRECTIVES, Attribute, in_words
from aalprivacy.errors import InputError
from aalprivacy.generalisation import RULES
from aalprivacy.homes import simulate
from aalprivacy.pair import WEIGHTS, Pair, shipped_pairs
from aalprivacy.policy import Operation
from aalprivacy.schema import Schema
from aalprivacy.text import to_lines

LIVE = resources.files("aalprivacy") / "live"
ENTRIES, SEED = 300, 2026  # of the page's entries, all of different people


def write_page(folder: str | Path, pairs: Mapping[str, Pair], entries: pd.DataFrame) -> None:
    """Write the live page of some pairs.

    The weights are rounded to float16, as in `Pair.halved`.

    Parameters
    ----------
    folder
        Where to write ``index.html`` and ``pairs/``.
    pairs
        Name -> pair, all of one schema and with codes of one width. The page begins with the pair
        that generalises most attributes and isn't blind.
    entries
        Entries that can be drawn in the page, at least two.

    Raises
    ------
    InputError
        If there are no pairs, their schemas or codes differ, the entries aren't of the schema, or
        a file can't be written.
    """
    folder = Path(folder)
    if len({pair.architecture.width for pair in pairs.values()}) != 1:
        raise InputError("expected pairs with codes of one width, at least one")
    schemas = [pair.schema for pair in pairs.values()]
    if any(schema.to_dict() != schemas[0].to_dict() for schema in schemas):
        raise InputError("expected pairs of one schema")
    lines = to_lines(entries, schemas[0]).tolist()
    if len(lines) < 2:
        raise InputError("expected two entries to draw from, at least")
    first = next(iter(pairs.values()))
    data = {
        "schema": _schema(first.schema),
        "pairs": [_pair(name, pair) for name, pair in pairs.items()],
        "first": max(pairs, key=lambda name: _generalised(pairs[name])),
        "entries": lines,
    }
    parts = {
        name.split(".")[0]: (LIVE / name).read_text("utf-8")
        for name in ("style.css", "lstm.js", "worker.js", "rule.js", "page.js")
    }
    template = jinja2.Template((LIVE / "index.html.jinja").read_text("utf-8"))
    page = template.render(
        **parts, data=_json(data), width=first.architecture.width, entries=len(lines)
    )
    make_folder(folder / "pairs")
    for name, pair in pairs.items():
        content = {"weights": _packed(pair), "deviation": _deviation(pair, entries)}
        write_text(f"addPair({_json(name)}, {_json(content)});\n", folder / "pairs" / f"{name}.js")
    write_text(page, folder / "index.html")


def _pair(name: str, pair: Pair) -> dict:
    about = {"name": name, "label": in_words(name), "receiver": pair.receiver}
    return about | {"blind": pair.blind, "letters": pair.letters}


def _generalised(pair: Pair) -> tuple[bool, int]:
    return not pair.blind, list(pair.letters.values()).count(Operation.GENERALISE)


def _packed(pair: Pair) -> str:
    """The pair's safetensors as text: bytes at even places, then the others, deflated, in base64.

    One of a float16's two bytes is nearly random. Separated from it, the other compresses better.
    """
    with tempfile.TemporaryDirectory() as made:
        replace(pair.halved(), small=None).save(made)  # the page has no small codes
        content = (Path(made) / WEIGHTS).read_bytes()
    return base64.b64encode(zlib.compress(content[::2] + content[1::2], 9)).decode()


def _deviation(pair: Pair, entries: pd.DataFrame) -> list[float]:
    """The standard deviation of each number of the codes, which noise is relative to."""
    return [round(float(number), 4) for number in pair.encode_entries(entries).std(axis=0)]


def _schema(schema: Schema) -> dict:
    """A schema for the page: its attributes as a list, each with the text for messages."""
    table = schema.to_dict()
    attributes = [_attribute(a, table["attributes"][a.name]) for a in schema.attributes]
    return table | {"attributes": attributes}


def _attribute(attribute: Attribute, table: dict) -> dict:
    rule = table.get("generalise", {}).get("rule")
    if rule is not None and rule not in RULES:
        raise InputError(f"{attribute.name}: the page knows no rule {rule!r}")
    if attribute.reads:
        raise InputError(f"{attribute.name}: the page knows no rule that reads other attributes")
    known = {"name": attribute.name, "says": attribute.says}
    if attribute.values:
        known["values"] = list(attribute.values)
    if attribute.time:
        known["time"] = _time(attribute.time)
    return table | known


def _time(time: str) -> str:
    """The regular expression of a date and time, with a group for each directive."""

    def pattern(part: str) -> str:
        if not part.startswith("%"):
            return re.escape(part)
        kind = DIRECTIVES[part[1]]
        return kind if part == "%%" else f"(?<{part[1]}>{kind})"

    return "".join(map(pattern, re.split("(%.)", time)))


def _json(value: object) -> str:
    """JSON that is safe inside a script of a page."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def main(folder: str | Path) -> None:
    """Write the page of all pairs that ship, with simulated entries to draw from."""
    write_page(folder, shipped_pairs(), simulate(ENTRIES, 1, seed=SEED))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m aalprivacy.page", description=main.__doc__)
    parser.add_argument("folder", help="where to write it", metavar="FOLDER")
    main(parser.parse_args().folder)
