"""What the attacks' figures say about the security claims: each by a rule that stands beside it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import pandas as pd

from aalprivacy.attributes import in_words
from aalprivacy.audit.attacks import TWIN
from aalprivacy.audit.measure import ABOVE_CHANCE, CHARACTER_ERROR
from aalprivacy.policy import Operation

OPEN = 0.1  # a lock is open at this share of the error that a constant line has


class Verdict(StrEnum):
    HOLDS = "holds"
    IN_PART = "holds in part"
    FAILS = "doesn't hold"

    @classmethod
    def of(cls, holds: bool, in_part: bool = False) -> "Verdict":
        return cls.HOLDS if holds else cls.IN_PART if in_part else cls.FAILS


@dataclass(frozen=True)
class Claim:
    """A claim and its test.

    Parameters
    ----------
    section
        Of the paper; or that it isn't the paper's claim.
    says
        The claim, in our words.
    rule
        What makes it hold.
    measured
        What came out.
    verdict
        Read off by the rule.
    """

    section: str
    says: str
    rule: str
    measured: str
    verdict: Verdict


def judge(findings: pd.DataFrame) -> list[Claim]:
    """The security claims that the findings touch, judged by the worst of them.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame`; of several pairs with a column ``pair``, their names.
    """
    findings = findings.reset_index(drop=True)
    if "pair" not in findings:
        findings = findings.assign(pair="")
    readings = findings[findings["measure"].isin([CHARACTER_ERROR, ABOVE_CHANCE])]
    twin = readings["own"] == TWIN

    def rows(*attacks: str, of: pd.DataFrame = readings) -> pd.DataFrame:
        return of[of["attack"].isin(attacks)]

    def lock(section: str, says: str) -> Callable[[pd.DataFrame], Claim]:
        return partial(_lock, section=section, says=says)

    knowing = ("nearest neighbour", "linear map", "own decoder")
    tests = (
        (
            lock("V, figure 6; VI", "A decoder that doesn't match discloses nothing."),
            rows("wrong key", of=readings[~twin]),
        ),
        (_weights, rows("near key")),
        (
            lock("VI", "Nobody can train a decoder for the codes without having the right one."),
            rows(*knowing, of=readings[~twin]),
        ),
        (
            lock(
                "V",
                "An attacker with the codes and a pair of its own, but no entry, reads nothing.",
            ),
            rows("statistics only", of=readings[~twin]),
        ),
        (_deleted, findings[findings["attack"].str.startswith("insider")]),
        (
            lock("not claimed", "The old decoder reads nothing of a re-keyed pair's codes."),
            rows("wrong key", of=readings[twin]),
        ),
        (
            lock(
                "not claimed",
                "An attacker with the old pair and many codes of the re-keyed one reads nothing.",
            ),
            rows("statistics only", of=readings[twin]),
        ),
        (
            lock(
                "not claimed",
                "An attacker with the old pair and some known entries reads no other codes of the "
                "re-keyed one.",
            ),
            rows("linear map", of=readings[twin]),
        ),
        (_anonymous, rows("linkage", of=findings)),
        (_noticed, rows("tampering", of=findings)),
        (_noise, findings[findings["attack"].str.startswith("remedy: noise")]),
        (_rounding, rows("remedy: rounding")),
    )
    return [test(table) for test, table in tests if len(table)]


def judge_blind(findings: pd.DataFrame) -> list[Claim]:
    """Whether blind encoding hides what the view hides, by the audits of pairs so trained.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame`.
    """
    findings = findings.reset_index(drop=True)
    probes = findings[findings["attack"].str.startswith("insider")]
    says = "What a view deletes or generalises is gone from a blind pair's codes."
    return [replace(_deleted(probes), section="remedy", says=says)] if len(probes) else []


def _weights(table: pd.DataFrame) -> Claim:
    errors = table[table["measure"] == CHARACTER_ERROR]
    opens = errors["value"] < OPEN * errors["baseline"]
    noisy = errors["size"] > 0
    # The largest error at which every pair in the table is still read.
    every = opens[noisy].groupby(errors["size"]).all()
    measured = "no weights that are off open the lock"
    if every.any():
        widest = 100 * max(every[every].index)
        measured = f"weights that open the lock may be off by {widest:g} % of their size"
    stolen = errors[opens & ~noisy]["setting"].drop_duplicates()
    return Claim(
        "V",
        "The right decoder's weights are almost impossible to find.",
        "the lock stays shut for weights that are off by one part in ten thousand or more, and for "
        "some of the layers; in part, if only such weights open it, as nobody can guess them all",
        measured + (f"; layers that open it: {', '.join(stolen)}" if len(stolen) else ""),
        Verdict.of(not every.any() and not len(stolen), not len(stolen)),
    )


def _deleted(table: pd.DataFrame) -> Claim:
    told = table[table["beats_baseline"]]
    names = sorted(map(in_words, set(told["attribute"])))
    known = table.groupby(table["attack"].str.removeprefix("insider, "), sort=False)["known"].max()
    measured = (
        f"{len(told)} of {len(table)} probes tell more than the view does (entries known at most: "
        + ", ".join(f"{probe} {entries:,}" for probe, entries in known.items())
        + ")"
    )
    if len(told):
        most = told.loc[(told["value"] - told["baseline"]).idxmax()]
        measured += (
            f", of {', '.join(names)}; the most: {_hidden(most)}, {most['measure']}, right for "
            f"{most['value']:.0%} against {most['baseline']:.0%} from the view alone"
        )
    return Claim(
        "suggested by V, VI",
        "What a view deletes or generalises is gone from the code.",
        "no probe of the code tells more of it than the view does",
        measured,
        Verdict.of(not len(told)),
    )


def _anonymous(table: pd.DataFrame) -> Claim:
    most = table.loc[table["value"].idxmax()]
    return Claim(
        "not claimed",
        "Codes of one user can't be told from those of another.",
        "the area under the ROC curve is that of a coin",
        f"{_whose(most)}{in_words(most['setting'])}: area {most['value']:.3f}; a coin has 0.5, the "
        f"views themselves {most['control']:.3f}",
        Verdict.of(not table["beats_baseline"].any()),
    )


def _noticed(table: pd.DataFrame) -> Claim:
    # Where two ways pass equally often, the one with the larger sample.
    most = table.sort_values(["value", "low"]).iloc[-1]
    return Claim(
        "not claimed",
        "A code that was changed on its way is noticed.",
        "of the codes that yield another view, at most one in a hundred yields one of the right "
        "form; in part, if at most one in ten",
        f"{_whose(most)}{most['setting']}: {most['value']:.0%} of these pass",
        Verdict.of(most["value"] <= 0.01, most["value"] <= 0.1),
    )


def _noise(table: pd.DataFrame) -> Claim:
    size, reads = table["size"], table["attack"] == "remedy: noise, receiver reads"
    error = table["value"].where(reads & (table["measure"] == CHARACTER_ERROR)).groupby(size).max()
    tells = (table["beats_baseline"] & ~reads).groupby(size).any()
    hides = error[~tells]
    bearable = error[error <= 1.5]
    return Claim(
        "remedy",
        "Noise on the codes hides what the view hides.",
        "a linear probe tells something without noise; at some size it tells nothing and the "
        "receiver has at most 1.5 wrong characters",
        (
            f"the least error at which no probe tells anything: {hides.min():.1f}"
            if len(hides)
            else "probes tell something at every size tried"
        )
        + f"; up to {max(bearable.index, default=0):g} deviations the receiver has at most 1.5",
        Verdict.of(bool(tells.iloc[0]) and len(hides) > 0 and hides.min() <= 1.5),
    )


def _rounding(table: pd.DataFrame) -> Claim:
    errors = table[table["measure"] == CHARACTER_ERROR]
    by_pair = errors.pivot_table("value", "pair", "setting")
    added = by_pair["int8"] - by_pair["float32"]
    return Claim(
        "remedy",
        "Codes of a quarter of the size serve as well.",
        "int8 adds at most a tenth of a wrong character",
        f"{_whose({'pair': added.idxmax()})}"
        + ", ".join(f"{name} {value:.2f}" for name, value in by_pair.loc[added.idxmax()].items())
        + " wrong characters",
        Verdict.of(added.max() <= 0.1, by_pair["int8"].max() <= 1.5),
    )


def _lock(table: pd.DataFrame, section: str, says: str) -> Claim:
    """A claim that an attacker reads nothing, judged by the attack that came nearest."""
    errors = table[table["measure"] == CHARACTER_ERROR]
    above = table[table["measure"] == ABOVE_CHANCE]
    best = errors.loc[(errors["value"] / errors["baseline"].clip(lower=1e-9)).idxmin()]
    hits = above["low"].max() if len(above) else 0.0
    most = max(0.0, above["value"].max()) if len(above) else 0.0
    return Claim(
        section,
        says,
        "no attack beats one constant line for all entries, nor hits values above chance by more "
        "than one in a hundred; in part, if none halves that line's error",
        f"{_whose(best)}{best['attack']}, {in_words(best['setting'])}: "
        f"{best['value']:.1f} wrong characters; a constant line has {best['baseline']:.1f}, the "
        f"right key {best['control']:.2f}; values above chance: {most:.1%}",
        Verdict.of(
            not errors["beats_baseline"].any() and hits <= 0.01,
            (errors["value"] > 0.5 * errors["baseline"]).all(),
        ),
    )


def _whose(row) -> str:
    """Whose codes a figure is of, if several pairs' are judged together."""
    return f"{in_words(row['pair'])}: " if row["pair"] else ""


def _hidden(row) -> str:
    """The hidden attribute that a figure is about: ``"blood pressure (generalised)"``."""
    return f"{in_words(row['attribute'])} ({Operation(row['operation']).name.lower()}d)"
