"""How well a pair writes the notes of people that it never saw: results, and examples by seed.

Usage: ``python examples/notes/show.py``, after ``make.py`` and a training (``make notes`` does all
three). There are results for the entries, and for the same entries with their notes exchanged. An
exchanged note is about somebody else, so the rule keeps the names in it. A pair that has only
learned to delete the word after "mr" fails there.

The examples are drawn by seed. Examples with errors are also drawn separately.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy import InputError, Pair, apply_policy, load_pair
from aalprivacy.atomic import write_text
from aalprivacy.audit import Claim, Question, Verdict
from aalprivacy.evaluation import score
from aalprivacy.generalisation import WORD
from aalprivacy.progress import console, show
from aalprivacy.runs import held_out
from aalprivacy.schema import Schema
from aalprivacy.tables import read_entries
from aalprivacy.text import from_lines, view_lines

RUNS = Path(__file__).parent / "runs"
NOTE = "note"
SHARES = {
    "own": "notes with a word of the person's own name or address: one is left",
    "general": "notes with a word to be made general: one is left",
    "lost": "words that the rule keeps: lost",
}

# Section VI: "the model can handle raw data even in text format".
TEXT = Question(
    section="VI",
    asks="Can a pair handle raw text, such as nurses' notes?",
    claimed="Yes",
    rule="of people never seen, also with exchanged notes, 95 % of the notes are right to the last "
    "character, and at most 1 % of the notes with a word of the person's own name or address keep "
    "one; in part, if half are right and at most 5 % keep one",
    since="2026-11-26",
)


def dealt(entries: pd.DataFrame, schema: Schema, seed: int) -> pd.DataFrame:
    """The entries with exchanged notes: everybody has the note of somebody else.

    Parameters
    ----------
    entries
        With the schema's id column; nobody has more than half of them.
    schema, seed
        The schema of the entries, and the seed of the exchange.
    """
    rng = np.random.default_rng(seed)
    # Entries are in the order of people. A step that is at least the largest number of entries of
    # one person always leads to another person.
    order = np.argsort(pd.factorize(entries[schema.id])[0], kind="stable")
    largest = int(entries[schema.id].value_counts().max())
    step = int(rng.integers(largest, len(entries) - largest + 1))
    notes = np.empty(len(entries), object)
    notes[order] = entries[NOTE].to_numpy(object)[np.roll(order, step)]
    return entries.assign(note=pd.array(notes, dtype="str"))


def told(decoded: pd.Series, entries: pd.DataFrame, schema: Schema) -> dict[str, float | None]:
    """What the decoder did with the words of notes; `SHARES` explains the shares.

    Parameters
    ----------
    decoded
        Notes that a decoder wrote.
    entries
        The entries that were encoded.
    schema
        What an entry is; the note's rule is a `aalprivacy.generalisation.WordsOf`.

    Returns
    -------
    dict of shares, 0 to 1; ``None`` where there is no such note or word.
    """
    attribute = schema[NOTE]
    expected = schema.general(NOTE, entries)
    others = [entries[name] for name in attribute.reads]
    made = attribute.generalise.hierarchy.general
    changes = {word.casefold() for word, general in made.items() if word != general}
    found: dict[str, list[float]] = {name: [] for name in SHARES}
    for got, want, note, *read in zip(decoded, expected, entries[NOTE], *others, strict=True):
        own = {w.casefold() for value in read for w in WORD.findall(value)}
        now, right, before = (Counter(w.casefold() for w in WORD.findall(t))
                              for t in (got, want, note))  # fmt: skip
        general = {w for w in before if w in changes and w not in own}
        for name, words in (("own", own & before.keys()), ("general", general)):
            if words:
                found[name].append(float(bool(words & now.keys())))
        kept = right & before
        lost = (kept - now).total()
        found["lost"] += lost * [1.0] + (kept.total() - lost) * [0.0]
    return {name: float(np.mean(cases)) if cases else None for name, cases in found.items()}


def figures(pair: Pair, entries: pd.DataFrame) -> tuple[dict, pd.DataFrame]:
    """The results of a pair on entries; and each note in the entry, by rule, and decoded.

    Parameters
    ----------
    pair
        A pair whose receiver gets a generalised note.
    entries
        Entries of people that it wasn't trained on.
    """
    schema = pair.schema
    expected = view_lines(apply_policy(entries, pair.policy, pair.receiver), schema)
    lines = pair.decode(pair.encode_entries(entries), entries.index)
    scored = score(lines, expected, schema, entries.get(schema.id))
    notes = pd.DataFrame({
        "entry": entries[NOTE],
        "by rule": from_lines(expected, schema)[NOTE],
        "decoded": from_lines(lines, schema, errors="coerce")[NOTE],
    })  # fmt: skip
    words = told(notes["decoded"], entries, schema)
    return asdict(scored) | {"notes": words}, notes


def rows(found: dict[str, dict]) -> list[list[str]]:
    """Results as rows of text: a label, and a value for each kind of entries."""
    one = next(iter(found.values()))["entries"]
    parts = {
        f"wrong characters per entry (of {one:,})": lambda f: (
            f"{f['character_error']:.3f} ± {f['standard_error']:.3f}"
        ),
        "wrong characters in the note": lambda f: f"{f['attributes'][NOTE]:.3f}",
        "entries without an error": lambda f: f"{f['exact']:.1%}",
        "notes without an error": lambda f: f"{f['right'][NOTE]:.1%}",
        "well-formed": lambda f: f"{f['well_formed']:.2%}",
    }
    made = [[what, *(form(f) for f in found.values())] for what, form in parts.items()]
    for name, what in SHARES.items():
        shares = (f["notes"][name] for f in found.values())
        made.append([what, *("-" if share is None else f"{share:.2%}" for share in shares)])
    return made


def examine(found: dict[str, dict]) -> Claim:
    """The answer to `TEXT` by the results of `figures` for each kind of entries."""
    right = min(f["right"][NOTE] for f in found.values())
    left = max(f["notes"]["own"] or 0.0 for f in found.values())
    return Claim(
        TEXT,
        f"in the worse of two tests, {right:.1%} of the notes are right; of those with a word of "
        f"the person's own name or address, {left:.2%} keep one",
        Verdict.of(right >= 0.95 and left <= 0.01, right >= 0.5 and left <= 0.05),
    )


def drawn(notes: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """`count` of the notes, drawn by seed; all notes if there are fewer."""
    return notes.sample(min(count, len(notes)), random_state=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pair", nargs="?", default=RUNS / "researcher", help="a folder, or a name")
    parser.add_argument("--data", type=Path, default=RUNS / "entries.parquet")
    parser.add_argument("--entries", type=int, default=5000, help="entries to read, drawn by seed")
    parser.add_argument("--show", type=int, default=12, help="examples of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write results and examples")
    given = parser.parse_args()
    pair = load_pair(str(given.pair))
    table = read_entries(given.data, pair.schema)
    parts = held_out(pair, table)
    entries = table if parts is None else parts.test
    entries = drawn(entries, given.entries, given.seed).reset_index(drop=True)
    scored, notes = figures(pair, entries)
    of_others, _ = figures(pair, dealt(entries, pair.schema, given.seed))
    found = {"as they are": scored, "each other's notes": of_others}
    out = console()
    show(out, f"{pair.receiver}: people never seen", rows(found), ["", *found])
    claim = examine(found)
    out.print(f"\n{TEXT.asks} {claim.answer}: {claim.measured}.\nThe rule: {TEXT.rule}.")
    wrong = notes[notes["by rule"] != notes["decoded"]]
    kinds = {"examples": notes, f"examples among the {len(wrong):,} wrong ones": wrong}
    kinds = {kind: drawn(some, given.show, given.seed) for kind, some in kinds.items()}
    for kind, some in kinds.items():
        out.print(f"\n{kind}, by seed {given.seed}\n")
        for entry, rule, decoded in some.to_numpy(object):
            same = "as by rule" if rule == decoded else decoded
            out.print(f"  entry    {entry}\n  by rule  {rule}\n  decoded  {same}\n")
    if given.json is not None:
        kept = {
            "encoder": pair.fingerprint,
            "found": found,
            "examples": {kind: some.to_dict("records") for kind, some in kinds.items()},
        }
        write_text(json.dumps(kept, indent=1) + "\n", given.json)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"show.py: {error}")
