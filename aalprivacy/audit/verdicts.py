"""What the attacks' figures say about the security claims: each by a rule that stands beside it."""

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from aalprivacy.audit.attacks import TWIN
from aalprivacy.audit.measure import CHARACTER_ERROR

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
        Rows of `aalprivacy.audit.to_frame`, of one pair or several.
    """
    errors = findings[findings["measure"] == CHARACTER_ERROR]
    twin = errors["setting"].str.endswith(TWIN)
    remedies = findings[findings["attack"].str.startswith("remedy")]

    def rows(*attacks: str, of: pd.DataFrame = errors) -> pd.DataFrame:
        return of[of["attack"].isin(attacks)]

    tests = (
        (_wrong_key, rows("wrong key")),
        (_weights, rows("near key")),
        (_trained, rows("nearest neighbour", "linear map", "own decoder", of=errors[~twin])),
        (_deleted, findings[findings["attack"].str.startswith("insider")]),
        (_unknowing, rows("statistics only", of=errors[~twin])),
        (_rekeyed, rows("linear map", "statistics only", of=errors[twin])),
        (_anonymous, rows("linkage", of=findings)),
        (_noticed, rows("tampering", of=findings)),
        (_noise, remedies[remedies["setting"].str.startswith("noise of")]),
        (_rounding, errors[errors["setting"].str.startswith("codes as")]),
    )
    return [test(table) for test, table in tests if len(table)]


def _wrong_key(table: pd.DataFrame) -> Claim:
    return Claim(
        "V, figure 6; VI",
        "A decoder that doesn't match discloses nothing.",
        "no other decoder comes nearer than one constant line for all entries",
        _nearest(table),
        _kept_out(table),
    )


def _weights(table: pd.DataFrame) -> Claim:
    noisy = table[table["setting"].str.startswith("weights off by")]
    size = noisy["setting"].str.extract(r"off by (\S+)")[0].astype(float)
    # The widest that opens every lock in the table.
    open_ = (noisy["value"] < OPEN * noisy["baseline"]).groupby(size).all()
    widest = f"{100 * max(open_[open_].index):g} %" if open_.any() else "none that was tried"
    return Claim(
        "V",
        "The right decoder's weights are almost impossible to find.",
        "no weights that are off by one part in ten thousand or more open the lock",
        f"weights may be off by {widest} of their size; guessing that near in every one of them is "
        "hopeless, but a stolen copy need not be exact",
        Verdict.of(not open_.any(), True),
    )


def _trained(table: pd.DataFrame) -> Claim:
    return Claim(
        "VI",
        "Nobody can train a decoder for the codes without having the right one.",
        "no attacker with known entries beats one constant line; in part, if none halves its error",
        _nearest(table),
        _kept_out(table),
    )


def _deleted(table: pd.DataFrame) -> Claim:
    told = table[table["beats_baseline"]]
    names = sorted({measure.split(" ")[0].replace("_", " ") for measure in told["measure"]})
    measured = f"{len(told)} of {len(table)} probes tell more than the view does"
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


def _unknowing(table: pd.DataFrame) -> Claim:
    return Claim(
        "V",
        "Who has the codes and another pair, and knows no entry, reads nothing.",
        "matching the units of the two pairs doesn't beat one constant line",
        _nearest(table),
        _kept_out(table),
    )


def _rekeyed(table: pd.DataFrame) -> Claim:
    return Claim(
        "not claimed",
        "A re-keyed pair is another lock.",
        "its twin's owner doesn't beat one constant line",
        _nearest(table),
        _kept_out(table),
    )


def _anonymous(table: pd.DataFrame) -> Claim:
    most = table.loc[table["value"].idxmax()]
    return Claim(
        "not claimed",
        "Codes of one user aren't told from those of another.",
        "the area under the ROC curve is that of a coin",
        f"{most['setting']}: area {most['value']:.3f}; a coin has 0.5, the views themselves "
        f"{most['control']:.3f}",
        Verdict.of(not table["beats_baseline"].any()),
    )


def _noticed(table: pd.DataFrame) -> Claim:
    most = table.loc[table["value"].idxmax()]
    return Claim(
        "not claimed",
        "A code that was changed on its way is noticed.",
        "at most one changed code in a hundred yields another view of the right form",
        f"{most['setting']}: {most['value']:.0%} pass",
        Verdict.of(table["value"].max() <= 0.01, table["value"].min() <= 0.01),
    )


def _noise(table: pd.DataFrame) -> Claim:
    size = table["setting"].str.extract(r"noise of (\S+)")[0].astype(float)
    reads = table["attack"] == "remedy: receiver reads"
    error = table["value"].where(reads & (table["measure"] == CHARACTER_ERROR)).groupby(size).max()
    tells = (table["beats_baseline"] & ~reads).groupby(size).any()
    least = error[~tells].min() if (~tells).any() else float("inf")
    bearable = error[error <= 1.5]
    return Claim(
        "remedy",
        "Noise on the codes hides what the view hides.",
        "at some size no linear probe tells anything and the receiver has at most 1.5 wrong "
        "characters",
        (
            f"the least error at which no probe tells anything: {least:.1f}"
            if (~tells).any()
            else "probes tell something at every size tried"
        )
        + f"; up to {max(bearable.index, default=0):g} deviations the receiver has at most 1.5",
        Verdict.of(least <= 1.5),
    )


def _rounding(table: pd.DataFrame) -> Claim:
    kind = table["setting"].str.removeprefix("codes as ")
    error = table["value"].groupby(kind).max()
    return Claim(
        "remedy",
        "Codes of a quarter of the size serve as well.",
        "int8 adds at most a tenth of a wrong character",
        ", ".join(f"{name} {value:.2f}" for name, value in error.items()) + " wrong characters",
        Verdict.of(error["int8"] - error["float32"] <= 0.1, error["int8"] <= 1.5),
    )


def _nearest(table: pd.DataFrame) -> str:
    best = table.loc[(table["value"] / table["baseline"]).idxmin()]
    return (
        f"{best['attack']}, {best['setting']}: {best['value']:.1f} wrong characters; a constant "
        f"line has {best['baseline']:.1f}, the right key {best['control']:.2f}"
    )


def _kept_out(table: pd.DataFrame) -> Verdict:
    return Verdict.of(
        not table["beats_baseline"].any(), (table["value"] > 0.5 * table["baseline"]).all()
    )
