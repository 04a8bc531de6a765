"""The risk and the utility of each view, for real people and for the paper's simulated ones.

Usage: ``python examples/nhanes/compare.py``, after ``make.py``; it writes ``risk.json`` and
``risk.png`` beside it. Views are made by rule, so no pair is trained. It takes a minute or two. If
it was stopped, it continues; remove ``runs/compare.json`` to start again.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from aalprivacy import TABLE_I, Policy, Schema, apply_policy, simulate
from aalprivacy.atomic import write_text
from aalprivacy.plotting.risk import utility_against_risk
from aalprivacy.plotting.style import write_figure
from aalprivacy.risk import view_risk
from aalprivacy.tables import read_entries
from aalprivacy.utility import utility

FOLDER = Path(__file__).parent
KEPT = FOLDER / "runs" / "compare.json"
# What a neighbour or a colleague may know.
KNOWN = ("age", "gender", "marital_status", "education", "household")
KNOWN_SIMULATED = ("age", "gender", "marital_status", "height", "weight", "occupation")
MODEL = "linear"  # the model in the figure; the file has both models


def compare(
    entries: pd.DataFrame,
    policy: Policy,
    known: tuple[str, ...],
    secret: str,
    outcomes: dict[str, tuple[pd.Series, list[str]]],
    kept: Callable[[str, Callable[[], dict]], dict],
) -> dict:
    """Risks and utility of the entries and of each view, as plain values.

    Parameters
    ----------
    entries
        One row a person.
    policy, known, secret
        As for `aalprivacy.risk.view_risk`.
    outcomes
        Name -> what is to be predicted, and the attributes that must not be used for it.
    kept
        Returns an earlier result by its name, or computes and keeps it.
    """
    whole = policy.schema.check(entries)

    def risks(receiver: str | None) -> dict:
        risk = view_risk(entries, policy, receiver, known=known, secret=secret)
        attacks = {n: a for n, a in vars(risk).items() if n != "anonymity"}
        return {"anonymity": asdict(risk.anonymity)} | {
            name: asdict(attack) | {"risk": asdict(attack.risk)} for name, attack in attacks.items()
        }

    def predicted(receiver: str | None, outcome: str) -> dict:
        wanted, without = outcomes[outcome]
        view = whole if receiver is None else apply_policy(whole, policy, receiver)
        return {m: asdict(u) for m, u in utility(view, wanted, without=without).items()}

    views = {}
    for receiver in (None, *policy.receivers):
        name = receiver or "entry"
        views[name] = dict(kept(name, lambda r=receiver: risks(r)))
        views[name]["utility"] = {
            outcome: kept(f"{name}, {outcome}", lambda r=receiver, o=outcome: predicted(r, o))
            for outcome in outcomes
        }
    return {"people": len(entries), "known": known, "secret": secret, "views": views}


def keeper(table: str) -> Callable[[str, Callable[[], dict]], dict]:
    """A function that keeps a table's results in a file."""

    def kept(name: str, find: Callable[[], dict]) -> dict:
        found = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
        key = f"{table}: {name}"
        if key not in found:
            found[key] = find()
            write_text(json.dumps(found, indent=1), KEPT)
            print(key, flush=True)
        return found[key]

    return kept


def of_nhanes(name: str) -> dict:
    policy = Policy.from_csv(FOLDER / "policy.csv", Schema.from_toml(FOLDER / "nhanes.toml"))
    entries = read_entries(FOLDER / "runs" / f"{name}.parquet", policy.schema)
    outcomes = {
        "diabetes": (entries["diabetes"].replace("borderline", "no"), ["diabetes"]),
        "difficulty walking": (entries["hard_to_walk"], ["hard_to_walk"]),
    }
    return compare(entries, policy, KNOWN, "diabetes", outcomes, keeper(name))


def of_simulated(people: int = 4000) -> dict:
    entries = simulate(people, 1, seed=6)
    groups = TABLE_I.schema["disease"].general(entries["disease"])
    outcomes = {"group of diseases": (groups, ["disease"])}
    return compare(entries, TABLE_I, KNOWN_SIMULATED, "disease", outcomes, keeper("simulated"))


def verdict(adults: dict) -> str:
    """The result in words: what the views protect, and what they cost."""

    def found(view: str) -> str:
        return f"{adults['views'][view]['anonymity']['found']:.0%}"

    def auc(view: str, outcome: str = "diabetes") -> str:
        return f"{adults['views'][view]['utility'][outcome][MODEL]['auc']:.2f}"

    return (
        "An attacker who knows five plain facts of a real adult finds the person in "
        f"{found('entry')} of cases in the entries, in {found('doctor')} in the doctor's view, in "
        f"{found('carer')} in the carer's and in {found('researcher')} in the researcher's. "
        f"Diabetes is predicted from these with an area under the ROC curve of {auc('entry')}, "
        f"{auc('doctor')}, {auc('carer')} and {auc('researcher')}. So the researcher's view, which "
        "has ranges and groups for most attributes, protects more than the carer's, which deletes "
        "some attributes and discloses others, and costs less for diabetes. For difficulty walking "
        f"both cost about the same ({auc('researcher', 'difficulty walking')} and "
        f"{auc('carer', 'difficulty walking')})."
    )


def main() -> None:
    tables = {
        "NHANES, 20 and over": of_nhanes("adults"),
        "NHANES, 60 and over": of_nhanes("older"),
        "Table I, simulated": of_simulated(),
    }
    said = verdict(tables["NHANES, 20 and over"])
    content = json.dumps({"verdict": said, "tables": tables}, indent=1)
    (FOLDER / "risk.json").write_text(content + "\n", "utf-8")
    panels = {
        f"{name}: {table['people']:,} people": {
            outcome: {
                view: (about["anonymity"]["found"], u["auc"], u["low"], u["high"])
                for view, about in table["views"].items()
                for u in [about["utility"][outcome][MODEL]]
            }
            for outcome in table["views"]["entry"]["utility"]
        }
        for name, table in tables.items()
    }
    known = [f"{', '.join(t['known']).replace('_', ' ')}" for t in tables.values()]
    figure = utility_against_risk(
        panels,
        "A view in which few people can be found may predict nearly as well as the entries",
        known,
    )
    write_figure(figure, FOLDER / "risk.png")
    print(said)


if __name__ == "__main__":
    main()
