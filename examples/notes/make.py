"""Simulated homes with a nurse's note: the entries of `simulate` with one more attribute.

Usage: ``python examples/notes/make.py``; it writes ``runs/entries.parquet`` beside it, the same for
the same seed. ``--vocabulary open --seed 2000001`` makes people whose names and streets occur in no
training.

A note is made from the phrases of ``phrases.toml``. It is about the resident (title, name, disease,
medicine), about two relatives and friends, and about streets and towns. The relatives are the same
in all notes, and most have the resident's surname. Half of the streets and towns are the resident's
own. Names and streets of other people are those of other simulated residents.
"""

import argparse
import random
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from aalprivacy import InputError, Schema, simulate
from aalprivacy.atomic import make_folder
from aalprivacy.attributes import MISSING
from aalprivacy.homes import DISEASE_GROUP_OF, TRAINING_SEED, VOCABULARIES
from aalprivacy.tables import check_table_writable, write_table

FOLDER = Path(__file__).parent
SCHEMA = Schema.from_toml(FOLDER / "notes.toml")
PHRASES = tomllib.loads((FOLDER / "phrases.toml").read_text("utf-8"))
NO_NOTE = 0.05  # share of the entries without a note
OWN_STREET, OWN_SURNAME = 0.5, 0.6  # shares of the streets, and of the relatives
LONGEST = 80  # characters of a note, and of a generalised one
OTHERS, OTHERS_SEED = 2000, 4_000_001  # residents whose names and streets other people get
SPOUSES = {"married": ("wife", "husband"), "cohabiting": ("partner", "partner")}
CHILDREN = ("daughter", "son", "sister", "brother", "niece", "nephew", "granddaughter", "grandson")
WOMEN = ("wife", "daughter", "sister", "niece", "granddaughter")


def entries_with_notes(
    n_users: int, entries_per_user: int, seed: int, vocabulary: str = "training"
) -> pd.DataFrame:
    """Simulate homes, each entry with a note.

    Parameters
    ----------
    n_users, entries_per_user, seed, vocabulary
        As for `aalprivacy.simulate`. Apart from the note, the entries are the same.

    Returns
    -------
    DataFrame with column ``user_id`` and the attributes of ``notes.toml`` as text, in its order.
    """
    entries = simulate(n_users, entries_per_user, seed, vocabulary=vocabulary)
    others = simulate(OTHERS, 1, OTHERS_SEED, vocabulary=vocabulary)
    writer = _Writer(others, random.Random(seed))
    notes: list[str] = []
    for _, of_user in entries.groupby("user_id", sort=False):
        notes += writer.notes(of_user.iloc[0], len(of_user))
    entries = entries.assign(note=pd.array(notes, dtype="str"))
    return entries[["user_id", *SCHEMA.names]]


class _Writer:
    """Writes notes. It uses `random`, which gives the same numbers on every machine."""

    def __init__(self, others: pd.DataFrame, rng: random.Random) -> None:
        self._rng = rng
        names = others["name"].str.split(" ", n=1)
        address = others["address"].str.split(" ")
        given = names.str[0]
        woman = others["gender"] == "female"
        self._given = {True: given[woman].tolist(), False: given[~woman].tolist()}
        self._surnames = names.str[-1].tolist()
        self._streets = address.str[1:3].str.join(" ").tolist()
        self._towns = address.str[-1].tolist()

    def _one(self, options: Sequence):
        return options[int(self._rng.random() * len(options))]

    def notes(self, person: pd.Series, count: int) -> list[str]:
        """`count` notes about a person, with the same relatives in all of them."""
        given, surname = person["name"].split(" ", 1)
        _, *street, town = person["address"].split(" ")
        woman, status = person["gender"] == "female", person["marital_status"]
        titles = ("miss" if status == "single" else "mrs") if woman else "mr"
        group = DISEASE_GROUP_OF[person["disease"]]
        own = {
            "given": given, "surname": surname, "title": titles, "disease": person["disease"],
            "drugs": PHRASES["drugs"].get(group, []) + PHRASES["drugs"][""],
            "street": " ".join(street), "town": town,
            "relatives": [self._relative(woman, status, surname) for _ in range(2)],
        }  # fmt: skip
        return [self._note(own) for _ in range(count)]

    def _relative(self, woman: bool, status: str, surname: str) -> dict[str, str]:
        relation = self._one(CHILDREN)
        if status in SPOUSES and self._rng.random() < 0.5:
            relation = SPOUSES[status][woman]
        female = relation in WOMEN or (relation == "partner" and not woman)
        kin = surname if self._rng.random() < OWN_SURNAME else self._one(self._surnames)
        return {"relation": relation, "relative": self._one(self._given[female]), "kin": kin}

    def _note(self, own: dict) -> str:
        if self._rng.random() < NO_NOTE:
            return MISSING
        while True:
            note = self._filled(own)
            # A general word may be longer than the word that it stands for.
            if len(note) <= LONGEST and len(SCHEMA["note"].generalise(note)) <= LONGEST:
                return note

    def _filled(self, own: dict) -> str:
        """One note of any length."""
        own_place = self._rng.random() < OWN_STREET
        values = {
            **own, **self._one(own["relatives"]), "drug": self._one(own["drugs"]),
            "street": own["street"] if own_place else self._one(self._streets),
            "town": own["town"] if own_place else self._one(self._towns),
            "stranger": self._one(self._surnames),
            **{name: self._one(words) for name, words in PHRASES["words"].items()},
        }  # fmt: skip
        topics = {
            "does": list(PHRASES["does"]),
            "says": [n for n in PHRASES["says"] if n != "disease" or own["disease"] != "none"],
        }

        def phrase(match: re.Match) -> str:
            name = match[1]
            if name not in topics:
                return match[0] if name != "who" else self._one(PHRASES["who"])
            topic = topics[name].pop(int(self._rng.random() * len(topics[name])))
            return self._one(PHRASES[name][topic])

        return re.sub(r"\{(\w+)\}", phrase, self._one(PHRASES["shapes"])).format(**values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--entries", type=int, default=50, help="entries of each user")
    parser.add_argument("--seed", type=int, default=TRAINING_SEED)
    parser.add_argument("--vocabulary", choices=VOCABULARIES, default="training")
    parser.add_argument("--out", type=Path, default=FOLDER / "runs" / "entries.parquet")
    given = parser.parse_args()
    make_folder(given.out.parent)
    check_table_writable(given.out)
    entries = entries_with_notes(given.users, given.entries, given.seed, given.vocabulary)
    write_table(entries, given.out)
    print(f"{len(entries):,} entries of {given.users:,} users: {given.out}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"make.py: {error}")
