"""The test results of the shipped pairs: drawn once, scored once, written on their cards.

Usage: ``python benchmarks/score.py FOLDER [NAME ...]``. The folder keeps what was done, so that an
interrupted run can be continued. With names, only these pairs are scored; so several processes can
share the work, after one of them has drawn the seed. The last one writes the cards.

Run it after the last decision about the pairs. It draws a seed that the project uses nowhere,
scores every pair on 200,000 entries a test set (2,000 users, 100 each) and on 40,000 with missing
and abnormal values (the users of `unseen`, 20 each), and keeps the seed on the cards. Nothing may
look at these entries again: `tests/test_project.py` refuses their seed anywhere else.
"""

import json
import secrets
import sys
from pathlib import Path

from aalprivacy import homes
from aalprivacy.atomic import make_folder, write_text
from aalprivacy.codes import SMALL
from aalprivacy.evaluation import evaluate, evaluate_all, to_dict
from aalprivacy.pair import CARD, PRETRAINED, load_pair, read_card, shipped_names
from aalprivacy.progress import console

ENTRIES, DISTURBED_ENTRIES = 200_000, 40_000
SPENT = range(10_000_000)  # seeds of trainings, validations, samples and audits
DISTURBED = {"missing": 0.05, "abnormal": 0.05}


def main() -> None:
    folder, *chosen = Path(sys.argv[1]), *sys.argv[2:]
    if unknown := set(chosen) - set(shipped_names()):
        sys.exit(
            f"{', '.join(sorted(unknown))}: no such pair; expected {', '.join(shipped_names())}"
        )
    make_folder(folder)
    drawn = folder / "seed.json"
    if not drawn.exists():
        scored = [name for name in shipped_names() if "seed" in read_card(name).get("tested", {})]
        if scored:
            sys.exit(f"{', '.join(scored)}: scored already; a second draw needs new pairs")
        write_text(json.dumps(SPENT.stop + secrets.randbelow(2**31)), drawn)
    seed = json.loads(drawn.read_text("utf-8"))
    for name in chosen or shipped_names():
        done = folder / f"{name}.json"
        if not done.exists():
            console().print(f"{name}: scoring")
            write_text(json.dumps(scores(name, seed)), done)
    if not all((folder / f"{name}.json").exists() for name in shipped_names()):
        return
    for name in shipped_names():  # only after all were scored: the cards change together
        path = PRETRAINED / name / CARD
        card = json.loads(path.read_text("utf-8"))
        card |= json.loads((folder / f"{name}.json").read_text("utf-8"))
        write_text(json.dumps(card, indent=2) + "\n", path)


def scores(name: str, seed: int) -> dict:
    """The parts of a pair's card that hold its test results."""
    pair = load_pair(name)
    tables = homes.make_test_sets(ENTRIES, pair.card["data"], seed)
    users = homes.N_TEST_USERS
    # Full codes are tested, so the figures stay true for other small codes.
    tested = {part: mark for part, mark in pair.fingerprints.items() if part != SMALL}
    disturbed = homes.simulate(users, DISTURBED_ENTRIES // users, seed, **DISTURBED)
    return {
        "tested": {"seed": seed, "fingerprints": tested, "disturbed": DISTURBED},
        "test": to_dict(evaluate_all(pair, tables)),
        "test_disturbed": to_dict({"disturbed": evaluate(pair, disturbed)})["disturbed"],
    }


if __name__ == "__main__":
    main()
