"""Pairs trained on real people: their errors, and what a code reveals beyond its view.

Usage: ``python examples/nhanes/train.py``, after ``make.py``. It trains three pairs on the adults,
one after the other, each in less than half an hour on two cores: the researcher's, the same blind,
and the doctor's. Ctrl-C stops it; the same command continues. People are split 80 / 10 / 10. A pair
is measured on the last tenth, once, after its last update. The script writes

- ``runs/NAME``, each training with its pair;
- ``pairs.json`` beside this file: results on the people held out, the insider's findings, and
  whether a key tells on whom it was trained.

The researcher's pair ships, in ``researcher/``, for the notebook on real people. With ``--memory``
nothing is trained. The script then only finds out what the key of the shipped pair tells of the
people that it was trained on.
"""

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from aalprivacy import InputError, Pair, Policy, Recipe, Schema, apply_policy, load_pair, train
from aalprivacy.atomic import write_text
from aalprivacy.attributes import MISSING
from aalprivacy.audit import Case, DecoderAlone, Extraction, Insider, Membership, to_rows
from aalprivacy.evaluation import best_constant, evaluate
from aalprivacy.pair import CARD, WEIGHTS
from aalprivacy.progress import TrainingLine, console
from aalprivacy.runs import Parts, split_people
from aalprivacy.tables import read_entries

FOLDER = Path(__file__).parent
PAIRS = {  # name -> receiver, blind, seed
    "researcher": ("researcher", False, 21),
    "researcher.blind": ("researcher", True, 22),
    "doctor": ("doctor", False, 23),
}
UPDATES = 5_000
SHIPS = "researcher"


def people(policy: Policy) -> tuple[pd.DataFrame, Parts]:
    """All adults, and the same people split as in a training."""
    entries = read_entries(FOLDER / "runs" / "adults.parquet", policy.schema)
    return entries, split_people(entries, policy.schema)


def missing_right(pair: Pair, entries: pd.DataFrame) -> float:
    """Share of the view's missing values that the decoder writes as missing."""
    views = apply_policy(entries, pair.policy, pair.receiver)
    decoded = pair.decode_views(pair.encode_entries(entries))
    missing = views.to_numpy() == MISSING
    return float((decoded.to_numpy()[missing] == MISSING).mean())


def figures(pair: Pair, parts: Parts) -> dict:
    """The results of a pair, as plain values."""
    score = evaluate(pair, parts.test)
    insider = Insider((len(parts.training),), seed=0)
    case = Case(pair, parts.training, parts.test)
    told = pair.card["training"]
    return {
        "encoder": pair.fingerprint,
        "updates": told["updates"],
        "entries": told["entries"],
        "minutes": round(told["seconds"] / 60, 1),
        "people trained on": len(parts.training),
        "score": asdict(score),
        "constant": best_constant(pair.view_lines(parts.test), pair.schema),
        "missing_right": missing_right(pair, parts.test),
        "insider": to_rows(insider.run(case)),
    }


def memory(pair: Pair, parts: Parts) -> list[dict]:
    """Findings on what the pair's key tells of the people that it was trained on."""
    strangers = pd.concat([parts.validation, parts.test], ignore_index=True)
    case = Case(pair, parts.training, parts.test, members=parts.training, strangers=strangers)
    attacks = [Membership(entries=(1,), people=1000), DecoderAlone(), Extraction()]
    return to_rows([finding for attack in attacks for finding in attack.run(case)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--memory", action="store_true", help="train nothing")
    only_memory = parser.parse_args().memory
    policy = Policy.from_csv(FOLDER / "policy.csv", Schema.from_toml(FOLDER / "nhanes.toml"))
    entries, parts = people(policy)
    out, path = console(), FOLDER / "pairs.json"
    if only_memory:
        pair, found = load_pair(FOLDER / SHIPS), json.loads(path.read_text("utf-8"))
        if found[SHIPS]["encoder"] != pair.fingerprint:
            raise InputError(f"{path}: {SHIPS}: of another pair; expected the one that ships")
        found[SHIPS]["memory"] = memory(pair, parts)
        write_text(json.dumps(found, indent=1) + "\n", path)
        return
    for name, (receiver, blind, seed) in PAIRS.items():
        folder = FOLDER / "runs" / name
        found = json.loads(path.read_text("utf-8")) if path.exists() else {}
        if not (folder / CARD).exists():
            recipe = Recipe(updates=UPDATES, blind=blind, seed=seed)
            begun = (folder / "checkpoint.npz").exists()
            with TrainingLine(out, UPDATES, 0) as line:
                pair = train(
                    entries, policy, receiver, recipe, folder, resume=begun, report=line,
                    checkpoint_every=500, validate_every=500,
                )  # fmt: skip
            if pair is None:
                sys.exit(130)
        pair = load_pair(folder)
        kept = found.get(name, {})
        if kept.get("encoder") != pair.fingerprint or "memory" not in kept:
            found[name] = figures(pair, parts) | {"memory": memory(pair, parts)}
            write_text(json.dumps(found, indent=1) + "\n", path)
        if name == SHIPS:
            (FOLDER / SHIPS).mkdir(exist_ok=True)
            for file in (CARD, WEIGHTS):
                shutil.copy(folder / file, FOLDER / SHIPS / file)
        score = found[name]["score"]
        print(
            f"{name}: {score['character_error']:.2f} wrong characters per entry, "
            f"{found[name]['missing_right']:.2%} of missing values right, "
            f"{found[name]['minutes']} minutes",
            flush=True,
        )


if __name__ == "__main__":
    main()
