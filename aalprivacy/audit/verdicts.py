"""What the attacks' figures say: each security claim as a question, answered by a rule beside it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import pandas as pd

from aalprivacy.attributes import in_words
from aalprivacy.audit.attacks import TWIN
from aalprivacy.audit.measure import ABOVE_CHANCE, AREA, CHARACTER_ERROR, FOUND
from aalprivacy.policy import Operation

OPEN = 0.1  # a lock is open at this share of the error that a constant line has
BEARABLE = 1.5  # wrong characters that a receiver can live with: as many as the paper's
FAINT, FEW_FOUND = 0.6, 0.05  # an area, and a share of people found, that tell little


class Verdict(StrEnum):
    HOLDS = "holds"
    IN_PART = "holds in part"
    FAILS = "doesn't hold"

    @classmethod
    def of(cls, holds: bool, in_part: bool = False) -> "Verdict":
        return cls.HOLDS if holds else cls.IN_PART if in_part else cls.FAILS


@dataclass(frozen=True)
class Claim:
    """A claim as a question, and what was found.

    Parameters
    ----------
    section
        Of the paper; or that it isn't the paper's claim.
    asks
        The question, in our words.
    claimed
        The answer if the claim holds: ``"Yes"`` or ``"No"``.
    rule
        What makes it hold.
    found
        The figure that decides.
    verdict
        On the claim, read off by the rule.
    guess, reader
        The same figure of a guess that uses no code, and of the rightful reader.
    attacker
        Whose figure it is: the attack that did best, how strong it was, and on whose codes.
    """

    section: str
    asks: str
    claimed: str
    rule: str
    found: str
    verdict: Verdict
    guess: str = ""
    reader: str = ""
    attacker: str = ""

    @property
    def answer(self) -> str:
        """``"Yes"``, ``"No"`` or ``"In part"``."""
        if self.verdict is Verdict.IN_PART:
            return "In part"
        holds = self.verdict is Verdict.HOLDS
        return self.claimed if holds else {"Yes": "No", "No": "Yes"}[self.claimed]

    @property
    def measured(self) -> str:
        """What was found, with what it is to be held against, in one line."""
        parts = {"a guess": self.guess, "the rightful reader": self.reader}
        against = [f"{who}: {what}" for who, what in parts.items() if what]
        return "; ".join([part for part in (self.found, self.attacker) if part] + against)


def judge(findings: pd.DataFrame) -> list[Claim]:
    """The security claims that the findings touch, judged by the worst of them.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame`; of several pairs with a column ``pair``, their names.
    """
    findings = _named(findings)
    readings = findings[findings["measure"].isin([CHARACTER_ERROR, ABOVE_CHANCE])]
    twin = readings["own"] == TWIN

    def rows(*attacks: str, of: pd.DataFrame = readings) -> pd.DataFrame:
        return of[of["attack"].isin(attacks)]

    def begins(attack: str, of: pd.DataFrame = findings) -> pd.DataFrame:
        return of[of["attack"].str.startswith(attack)]

    def unpaired(of: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([rows("statistics only", of=of), begins("translation", of)])

    def lock(section: str, asks: str) -> Callable[[pd.DataFrame], Claim]:
        return partial(_lock, section=section, asks=asks)

    knowing = ("nearest neighbour", "linear map", "own decoder")
    tests = (
        (
            lock("V, figure 6; VI", "Can a decoder that doesn't match read codes?"),
            rows("wrong key", of=readings[~twin]),
        ),
        (_weights, rows("near key")),
        (
            lock("VI", "Can a key be trained from known entries?"),
            rows(*knowing, of=readings[~twin]),
        ),
        (
            lock("V", "Can another pair and many codes, but no known entry, open a pair?"),
            unpaired(readings[~twin]),
        ),
        (_deleted, begins("insider")),
        (
            lock("not claimed", "Can the old key read the codes of a re-keyed pair?"),
            rows("wrong key", of=readings[twin]),
        ),
        (
            lock("not claimed", "Can the old pair and many codes open the re-keyed one?"),
            unpaired(readings[twin]),
        ),
        (
            lock("not claimed", "Can the old pair and some known entries open the re-keyed one?"),
            rows("linear map", of=readings[twin]),
        ),
        (_anonymous, rows("linkage", of=findings)),
        (_noticed, rows("tampering", of=findings)),
        (_remembers, begins("membership")),
        (_recites, rows("extraction", of=findings)),
        (_noise, begins("remedy: noise")),
        (_small, begins("remedy: small codes")),
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
    findings = _named(findings)
    probes = findings[findings["attack"].str.startswith("insider")]
    asks = "Do a blind pair's codes tell what its view deletes or generalises?"
    return [replace(_deleted(probes), section="remedy", asks=asks)] if len(probes) else []


def judge_randomised(plain: pd.DataFrame, randomised: pd.DataFrame) -> list[Claim]:
    """Whether random values in training keep a key from telling on whom it was trained.

    Parameters
    ----------
    plain, randomised
        Rows of `aalprivacy.audit.to_frame`, of `aalprivacy.audit.Membership` and
        `aalprivacy.audit.Extraction`, of two pairs that differ in nothing else.
    """
    tables = [table[table["measure"] == AREA] for table in map(_named, (plain, randomised))]
    if not all(map(len, tables)):
        return []
    before, after = (table.loc[table["value"].idxmax()] for table in tables)
    return [
        Claim(
            "remedy",
            "Do random values in training keep a key from telling on whom it was trained?",
            "Yes",
            "it tells without them, and with them every area under the ROC curve is a coin's; in "
            f"part, if the areas are at most {FAINT}",
            f"area {after['value']:.2f} with random values, {before['value']:.2f} without",
            Verdict.of(
                before["low"] > 0.5 and not tables[1]["beats_baseline"].any(),
                before["low"] > 0.5 and after["value"] <= FAINT,
            ),
            guess="area 0.50",
            attacker=_attacker(after),
        )
    ]


def _named(findings: pd.DataFrame) -> pd.DataFrame:
    findings = findings.reset_index(drop=True)
    return findings if "pair" in findings else findings.assign(pair="")


def _weights(table: pd.DataFrame) -> Claim:
    errors = table[table["measure"] == CHARACTER_ERROR]
    opens = errors["value"] < OPEN * errors["baseline"]
    noisy = errors["size"] > 0
    # The largest error at which every pair in the table is still read.
    every = opens[noisy].groupby(errors["size"]).all()
    found = "no weights that are off open the lock"
    if every.any():
        widest = 100 * max(every[every].index)
        found = f"weights that open the lock may be off by {widest:g} % of their size"
    stolen = errors[opens & ~noisy]["setting"].drop_duplicates()
    return Claim(
        "V",
        "Can the right decoder's weights be guessed?",
        "No",
        "the lock stays shut for weights that are off by one part in ten thousand or more, and for "
        "some of the layers; in part, if only such weights open it, as nobody can guess them all",
        found + (f"; layers that open it: {', '.join(stolen)}" if len(stolen) else ""),
        Verdict.of(not every.any() and not len(stolen), not len(stolen)),
        attacker="has the decoder, but not exactly or not whole",
    )


def _deleted(table: pd.DataFrame) -> Claim:
    told = table[table["beats_baseline"]]
    names = sorted(map(in_words, set(told["attribute"])))
    known = table.groupby(table["attack"].str.removeprefix("insider, "), sort=False)["known"].max()
    found, guess = f"{len(told)} of {len(table)} probes tell more than the view does", ""
    if len(told):
        most = told.loc[(told["value"] - told["baseline"]).idxmax()]
        found += (
            f", of {', '.join(names)}; the most: {_hidden(most)}, {most['measure']}, right for "
            f"{most['value']:.0%}"
        )
        guess = f"{most['baseline']:.0%}, from the view alone"
    return Claim(
        "suggested by V, VI",
        "Do codes tell what their view deletes or generalises?",
        "No",
        "no probe of the code tells more of it than the view does",
        found,
        Verdict.of(not len(told)),
        guess=guess,
        attacker="the receiver, with known entries at most: "
        + ", ".join(f"{probe} {entries:,}" for probe, entries in known.items()),
    )


def _anonymous(table: pd.DataFrame) -> Claim:
    most = table.loc[table["value"].idxmax()]
    return Claim(
        "not claimed",
        "Can the codes of one person be told from those of another?",
        "No",
        "the area under the ROC curve is that of a coin",
        f"area {most['value']:.3f}",
        Verdict.of(not table["beats_baseline"].any()),
        "area 0.500",
        f"area {most['control']:.3f}, by the views",
        _attacker(most),
    )


def _noticed(table: pd.DataFrame) -> Claim:
    # Where two ways pass equally often, the one with the larger sample.
    most = table.sort_values(["value", "low"]).iloc[-1]
    return Claim(
        "not claimed",
        "Is a code noticed that was changed on its way?",
        "Yes",
        "of the codes that yield another view, at most one in a hundred yields one of the right "
        "form; in part, if at most one in ten",
        f"{most['value']:.0%} of these pass",
        Verdict.of(most["value"] <= 0.01, most["value"] <= 0.1),
        attacker=_attacker(most),
    )


def _remembers(table: pd.DataFrame) -> Claim:
    areas, found = (table[table["measure"] == measure] for measure in (AREA, FOUND))
    most, share = areas.loc[areas["value"].idxmax()], found["value"].max()
    return Claim(
        "not claimed",
        "Does a key tell whether a person was trained on?",
        "No",
        "every area under the ROC curve is that of a coin, and one false alarm in a hundred finds "
        f"no more; in part, if the areas are at most {FAINT} and one in twenty is found",
        f"area {most['value']:.2f}; at 1 % false alarms {share:.1%} of people are found",
        Verdict.of(
            not table["beats_baseline"].any(), most["value"] <= FAINT and share <= FEW_FOUND
        ),
        "area 0.50; 1 %",
        attacker=_attacker(most),
    )


def _recites(table: pd.DataFrame) -> Claim:
    most = table.loc[(table["value"] - table["baseline"]).idxmax()]
    what = in_words(most["attribute"] or most["measure"])
    return Claim(
        "not claimed",
        "Does a key write values of people it was trained on?",
        "No",
        "of random codes it writes no more names and other such values of people trained on than "
        "of as many others",
        f"{what}: in {most['value']:.1%} of the lines that it writes",
        Verdict.of(not table["beats_baseline"].any()),
        f"{most['baseline']:.1%}, of people never seen",
        f"{most['control']:.0%}, of their own codes",
        _attacker(most),
    )


def _noise(table: pd.DataFrame) -> Claim:
    return _hides(table, "Does noise on the codes hide what the view hides?")


def _small(table: pd.DataFrame) -> Claim:
    return _hides(table, "Do small codes hide what the view hides?")


def _hides(table: pd.DataFrame, asks: str) -> Claim:
    """Of a remedy that was tried at several sizes, of which the first is none."""
    order = list(table["size"].drop_duplicates())
    reads = table["attack"].str.endswith("receiver reads")
    errors = table[reads & (table["measure"] == CHARACTER_ERROR)].groupby("size")
    error, label = errors["value"].max()[order], errors["setting"].first()[order]
    probes = table[~reads].groupby("size")["beats_baseline"]
    tells, count = probes.sum()[order], probes.size()[order]
    bearable = [size for size in order if error[size] <= BEARABLE]
    hides = [size for size in order if not tells[size]]
    shown = dict.fromkeys([*bearable[-1:], *hides[:1], order[-1]])
    return Claim(
        "remedy",
        asks,
        "Yes",
        "a probe tells something without it; at some size none does, and the receiver has at most "
        f"{BEARABLE} wrong characters",
        f"probes that tell something: {tells[order[0]]} of {count[order[0]]} without it, "
        + ", ".join(f"{tells[size]} with {label[size]}" for size in shown),
        Verdict.of(bool(tells[order[0]]) and bool(set(hides) & set(bearable))),
        reader="; ".join(
            f"{error[size]:.1f} wrong characters with {label[size]}" for size in shown
        ),
        attacker=f"the receiver, {table['known'].max():,} known entries",
    )


def _rounding(table: pd.DataFrame) -> Claim:
    errors = table[table["measure"] == CHARACTER_ERROR]
    by_pair = errors.pivot_table("value", "pair", "setting")
    added = by_pair["int8"] - by_pair["float32"]
    worst = by_pair.loc[added.idxmax()]
    return Claim(
        "remedy",
        "Do codes of a quarter of the size serve as well?",
        "Yes",
        "int8 adds at most a tenth of a wrong character",
        ", ".join(f"{name} {value:.2f}" for name, value in worst.items()) + " wrong characters",
        Verdict.of(added.max() <= 0.1, by_pair["int8"].max() <= BEARABLE),
        attacker=in_words(added.idxmax()),
    )


def _lock(table: pd.DataFrame, section: str, asks: str) -> Claim:
    """A claim that an attacker reads nothing, judged by the attack that came nearest."""
    errors = table[table["measure"] == CHARACTER_ERROR]
    above = table[table["measure"] == ABOVE_CHANCE]
    best = errors.loc[(errors["value"] / errors["baseline"].clip(lower=1e-9)).idxmin()]
    hits = above["low"].max() if len(above) else 0.0
    most = max(0.0, above["value"].max()) if len(above) else 0.0
    return Claim(
        section,
        asks,
        "No",
        "no attack beats one constant line for all entries, nor hits values above chance by more "
        "than one in a hundred; in part, if none halves that line's error",
        f"{best['value']:.1f} wrong characters; values above chance: {most:.1%}",
        Verdict.of(
            not errors["beats_baseline"].any() and hits <= 0.01,
            (errors["value"] > 0.5 * errors["baseline"]).all(),
        ),
        f"{best['baseline']:.1f}, one line for all",
        f"{best['control']:.2f}",
        _attacker(best),
    )


def _attacker(row) -> str:
    """Whose figure it is: attack, setting, and whose codes, if several pairs' are judged."""
    whose = f" ({in_words(row['pair'])})" if row["pair"] else ""
    return f"{row['attack']}, {in_words(row['setting'])}{whose}"


def _hidden(row) -> str:
    """The hidden attribute that a figure is about: ``"blood pressure (generalised)"``."""
    return f"{in_words(row['attribute'])} ({Operation(row['operation']).name.lower()}d)"
