"""What the attacks' figures say about the security claims: each by a rule that stands beside it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import pandas as pd

from aalprivacy.audit.attacks import TWIN
from aalprivacy.audit.measure import ABOVE_CHANCE, CHARACTER_ERROR

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
    twin = readings["setting"].str.endswith(TWIN)
    remedies = findings[findings["attack"].str.startswith("remedy")]

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
                "Neither does an attacker with the old pair and many codes of the new one.",
            ),
            rows("statistics only", of=readings[twin]),
        ),
        (
            lock(
                "not claimed",
                "Neither does an attacker with the old pair who knows some of the entries.",
            ),
            rows("linear map", of=readings[twin]),
        ),
        (_anonymous, rows("linkage", of=findings)),
        (_noticed, rows("tampering", of=findings)),
        (_noise, remedies[remedies["setting"].str.startswith("noise of")]),
        (_rounding, remedies[remedies["setting"].str.startswith("codes as")]),
    )
    return [test(table) for test, table in tests if len(table)]


def judge_blind(findings: pd.DataFrame) -> Claim:
    """Whether blind encoding hides what the view hides, by the audit of a pair so trained.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame`.
    """
    return replace(
        _deleted(findings[findings["attack"].str.startswith("insider")]),
        section="remedy",
        says="What a view deletes or generalises is gone from a blind pair's codes.",
    )


def _weights(table: pd.DataFrame) -> Claim:
    errors = table[table["measure"] == CHARACTER_ERROR]
    opens = errors["value"] < OPEN * errors["baseline"]
    size = errors["setting"].str.extract(r"^weights off by (\S+)")[0].astype(float)
    every = opens.groupby(size).all()  # the widest that opens each lock in the table
    widest = f"{100 * max(every[every].index):g} %" if every.any() else "none that was tried"
    stolen = errors[opens & size.isna()]["setting"].drop_duplicates()
    return Claim(
        "V",
        "The right decoder's weights are almost impossible to find.",
        "neither weights that are off by one part in ten thousand or more nor some of the layers "
        "open the lock; in part, if only the former do, which nobody guesses in each of them",
        f"weights may be off by {widest} of their size"
        + (f"; layers that open it: {', '.join(stolen)}" if len(stolen) else ""),
        Verdict.of(not every.any() and not len(stolen), not len(stolen)),
    )


def _deleted(table: pd.DataFrame) -> Claim:
    told = table[table["beats_baseline"]]
    names = sorted({measure.split(" ")[0].replace("_", " ") for measure in told["measure"]})
    known = table["setting"].str.extract(r"([\d,]+) known")[0].str.replace(",", "").astype(int)
    measured = (
        f"{len(told)} of {len(table)} probes, which know up to {known.max():,} entries, tell more "
        "than the view does"
    )
    if len(told):
        most = told.loc[(told["value"] - told["baseline"]).idxmax()]
        measured += (
            f", of {', '.join(names)}; the most: {most['measure']}, right for {most['value']:.0%} "
            f"against {most['baseline']:.0%}"
        )
    return Claim(
        "V, VI",
        "What a view deletes or generalises is gone.",
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
        f"{_whose(most)}{most['setting']}: area {most['value']:.3f}; a coin has 0.5, the views "
        f"themselves {most['control']:.3f}",
        Verdict.of(not table["beats_baseline"].any()),
    )


def _noticed(table: pd.DataFrame) -> Claim:
    # Of ways that pass alike, the one that changes most views says most.
    changed = table["setting"].str.extract(r"(\d+)% of the views")[0].fillna(0).astype(float)
    most = table.assign(changed=changed).sort_values(["value", "changed"]).iloc[-1]
    return Claim(
        "not claimed",
        "A code that was changed on its way is noticed.",
        "of the codes that yield another view, at most one in a hundred yields one of the right "
        "form; in part, if at most one in ten",
        f"{_whose(most)}{most['setting']}: {most['value']:.0%} of these pass",
        Verdict.of(most["value"] <= 0.01, most["value"] <= 0.1),
    )


def _noise(table: pd.DataFrame) -> Claim:
    size = table["setting"].str.extract(r"noise of (\S+?),? ")[0].astype(float)
    reads = table["attack"] == "remedy: receiver reads"
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
    kind = errors["setting"].str.removeprefix("codes as ")
    by_pair = errors.pivot_table("value", "pair", kind)
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
    best = errors.loc[(errors["value"] / errors["baseline"]).idxmin()]
    hits = above["low"].max() if len(above) else 0.0
    most = max(0.0, above["value"].max()) if len(above) else 0.0
    return Claim(
        section,
        says,
        "no attack beats one constant line for all entries, nor hits values above chance by more "
        "than one in a hundred; in part, if none halves that line's error",
        f"{_whose(best)}{best['attack']}, {best['setting'].replace('_', ' ')}: "
        f"{best['value']:.1f} wrong characters; a constant line has {best['baseline']:.1f}, the "
        f"right key {best['control']:.2f}; values above chance: {most:.1%}",
        Verdict.of(
            not errors["beats_baseline"].any() and hits <= 0.01,
            (errors["value"] > 0.5 * errors["baseline"]).all(),
        ),
    )


def _whose(row) -> str:
    """Whose codes a figure is of, if several pairs' are judged together."""
    return f"{row['pair'].replace('_', ' ')}: " if row["pair"] else ""
