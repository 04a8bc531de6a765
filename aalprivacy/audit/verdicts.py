"""What the attacks' figures say: each security claim as a question, answered by a rule."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from aalprivacy.attributes import in_words
from aalprivacy.audit.attacks import TWIN
from aalprivacy.audit.measure import ABOVE_CHANCE, AREA, BYTES, CHARACTER_ERROR, FOUND, TIME
from aalprivacy.codes import NUMBER_TYPES
from aalprivacy.policy import Operation

OPEN = 0.1  # a lock is open at this share of the error that a constant line has
BEARABLE = 1.5  # wrong characters that a receiver can live with: as many as the paper's
FAINT, FEW_FOUND = 0.6, 0.05  # an area, and a share of people found, that tell little
UNKNOWN = "not measured yet"
# What probes tell of a blind pair's codes is a question of its own, and so is of no other.
PROBES = ("insider", "remedy: noise", "remedy: small codes")


class Verdict(StrEnum):
    HOLDS = "holds"
    IN_PART = "holds in part"
    FAILS = "doesn't hold"

    @classmethod
    def of(cls, holds: bool, in_part: bool = False) -> "Verdict":
        return cls.HOLDS if holds else cls.IN_PART if in_part else cls.FAILS


@dataclass(frozen=True, kw_only=True)
class Question:
    """A claim as a question, and what decides it.

    Parameters
    ----------
    section
        Of the paper; ``"remedy"``; or that it isn't claimed.
    asks
        The question, in our words.
    claimed
        The answer if the claim holds: ``"Yes"`` or ``"No"``.
    rule
        What makes it hold.
    since
        The day on which the rule was written down as it stands, ``"2026-11-26"``.
    """

    section: str
    asks: str
    claimed: str
    rule: str
    since: str


@dataclass(frozen=True)
class Claim:
    """A question, and what was found.

    Parameters
    ----------
    question
        What is asked.
    found
        The figure that decides.
    verdict
        On the claim, read off by the rule; ``None`` if nothing was measured.
    guess, reader
        The same figure of a guess that uses no code, and of the rightful reader.
    attacker
        Whose figure it is: the attack that did best, how strong it was, and on whose codes.
    """

    question: Question
    found: str = UNKNOWN
    verdict: Verdict | None = None
    guess: str = ""
    reader: str = ""
    attacker: str = ""

    @property
    def answer(self) -> str:
        """``"Yes"``, ``"No"``, ``"In part"``, or that nothing was measured."""
        if self.verdict is None:
            return UNKNOWN
        if self.verdict is Verdict.IN_PART:
            return "In part"
        claimed, holds = self.question.claimed, self.verdict is Verdict.HOLDS
        return claimed if holds else {"Yes": "No", "No": "Yes"}[claimed]

    @property
    def measured(self) -> str:
        """What was found, with what it is to be held against, in one line."""
        parts = {"by": self.attacker, "a guess": self.guess, "the rightful reader": self.reader}
        return "; ".join([self.found, *(f"{who}: {what}" for who, what in parts.items() if what)])


Rows = Callable[[pd.DataFrame], pd.DataFrame]
Judge = Callable[[Question, pd.DataFrame], Claim]


def judge(
    findings: pd.DataFrame, *, blind: Collection[str] = (), every: bool = False
) -> list[Claim]:
    """The security claims, each judged by the worst finding that touches it.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame`; of several pairs with a column ``pair``, their names.
    blind
        The names of those that are blind.
    every
        Whether to give the questions too that no finding touches, as not measured.
    """
    findings = _named(findings)
    judged = []
    for question, rows, decide in QUESTIONS:
        probes = findings["attack"].str.startswith(PROBES)
        hidden = findings["pair"].isin(blind)
        table = rows(findings[hidden if question is BLIND else ~(probes & hidden)])
        if len(table):
            judged.append(decide(question, table))
        elif every:
            judged.append(Claim(question))
    return judged


def judge_randomised(plain: pd.DataFrame, randomised: pd.DataFrame) -> Claim:
    """Whether random values in training keep a key from telling on whom it was trained.

    Parameters
    ----------
    plain, randomised
        Rows of `aalprivacy.audit.to_frame` of `aalprivacy.audit.Membership`, of two pairs that
        differ in nothing else. Without rows of both nothing is said to be measured.
    """
    tables = [table[table["measure"] == AREA] for table in map(_named, (plain, randomised))]
    tables = [table[table["attack"].str.startswith("membership")] for table in tables]
    if not all(map(len, tables)):
        return Claim(RANDOMISED)
    before, after = (table.loc[table["value"].idxmax()] for table in tables)
    return Claim(
        RANDOMISED,
        f"area {after['value']:.2f} with random values, {before['value']:.2f} without",
        Verdict.of(
            before["low"] > 0.5 and not tables[1]["beats_baseline"].any(),
            before["low"] > 0.5 and after["value"] <= FAINT,
        ),
        "area 0.50",
        attacker=_attacker(after),
    )


def _named(findings: pd.DataFrame) -> pd.DataFrame:
    findings = findings.reset_index(drop=True)
    return findings if "pair" in findings else findings.assign(pair="")


# --- how each is decided ------------------------------------------------------------------------


def _lock(question: Question, table: pd.DataFrame) -> Claim:
    """A claim that an attacker reads nothing, judged by the attack that came nearest."""
    errors = table[table["measure"] == CHARACTER_ERROR]
    above = table[table["measure"] == ABOVE_CHANCE]
    best = errors.loc[(errors["value"] / errors["baseline"].clip(lower=1e-9)).idxmin()]
    hits = above["low"].max() if len(above) else 0.0
    most = max(0.0, above["value"].max()) if len(above) else 0.0
    found = f"{best['value']:.1f} wrong characters; values above chance: {most:.1%}"
    known = errors["known"][(errors["known"] > 0) & (errors["value"] < OPEN * errors["baseline"])]
    if len(known):
        found += f"; {known.min():,} known entries are enough for a tenth of a guess's error"
    return Claim(
        question,
        found,
        Verdict.of(
            not errors["beats_baseline"].any() and hits <= 0.01,
            (errors["value"] > 0.5 * errors["baseline"]).all(),
        ),
        f"{best['baseline']:.1f}, one line for all",
        f"{best['control']:.2f}",
        _attacker(best),
    )


def _weights(question: Question, table: pd.DataFrame) -> Claim:
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
        question,
        found + (f"; layers that open it: {', '.join(stolen)}" if len(stolen) else ""),
        Verdict.of(not every.any() and not len(stolen), not len(stolen)),
        attacker="somebody who has the decoder, but not exactly or not whole",
    )


def _deleted(question: Question, table: pd.DataFrame) -> Claim:
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
        question,
        found,
        Verdict.of(not len(told)),
        guess,
        attacker="the receiver, with known entries at most: "
        + ", ".join(f"{probe} {entries:,}" for probe, entries in known.items()),
    )


def _anonymous(question: Question, table: pd.DataFrame) -> Claim:
    most = table.loc[table["value"].idxmax()]
    return Claim(
        question,
        f"area {most['value']:.3f}",
        Verdict.of(not table["beats_baseline"].any()),
        "area 0.500",
        f"area {most['control']:.3f}, by the views",
        _attacker(most),
    )


def _noticed(question: Question, table: pd.DataFrame) -> Claim:
    # Where two ways pass equally often, the one with the larger sample.
    most = table.sort_values(["value", "low"]).iloc[-1]
    return Claim(
        question,
        f"{most['value']:.0%} of these pass",
        Verdict.of(most["value"] <= 0.01, most["value"] <= 0.1),
        reader=f"{most['control']:.0%} of unchanged ones pass",
        attacker=_attacker(most),
    )


def _remembers(question: Question, table: pd.DataFrame) -> Claim:
    areas, found = (table[table["measure"] == measure] for measure in (AREA, FOUND))
    most, share = areas.loc[areas["value"].idxmax()], found["value"].max()
    says, guess = f"area {most['value']:.2f}", "area 0.50"
    if len(found):
        says += f"; at 1 % false alarms {share:.1%} of people are found"
        guess += "; 1.0%"
    return Claim(
        question,
        says,
        Verdict.of(
            not table["beats_baseline"].any(),
            most["value"] <= FAINT and not (len(found) and share > FEW_FOUND),
        ),
        guess,
        attacker=_attacker(most),
    )


def _recites(question: Question, table: pd.DataFrame) -> Claim:
    most = table.loc[(table["value"] - table["baseline"]).idxmax()]
    what = in_words(most["attribute"] or most["measure"])
    return Claim(
        question,
        f"{what}: in {most['value']:.1%} of the lines that it writes",
        Verdict.of(not table["beats_baseline"].any()),
        f"{most['baseline']:.1%}, of people never seen",
        f"{most['control']:.0%}, of their own codes",
        _attacker(most),
    )


def _hides(question: Question, table: pd.DataFrame) -> Claim:
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
        question,
        f"probes that tell something: {tells[order[0]]} of {count[order[0]]} without it, "
        + ", ".join(f"{tells[size]} with {label[size]}" for size in shown),
        Verdict.of(bool(tells[order[0]]) and bool(set(hides) & set(bearable))),
        reader="; ".join(
            f"{error[size]:.1f} wrong characters with {label[size]}" for size in shown
        ),
        attacker=f"the receiver, {table['known'].max():,} known entries",
    )


def _rounding(question: Question, table: pd.DataFrame) -> Claim:
    errors = table[table["measure"] == CHARACTER_ERROR]
    by_pair = errors.pivot_table("value", "pair", "setting")
    added = by_pair["int8"] - by_pair["float32"]
    worst = by_pair.loc[added.idxmax()]
    return Claim(
        question,
        ", ".join(f"{name} {value:.2f}" for name, value in worst.items())
        + " wrong characters"
        + _whose(added.idxmax()),
        Verdict.of(added.max() <= 0.1, by_pair["int8"].max() <= BEARABLE),
    )


def _rule(question: Question, table: pd.DataFrame) -> Claim:
    """By the worst error of any pair, and the mean costs of all, beside whole codes."""
    rule = table["attack"] == "remedy: rule and cipher"
    whole = table["setting"] == NUMBER_TYPES[0]
    error = table[rule & (table["measure"] == CHARACTER_ERROR)]["value"].max()
    found, cheaper = [f"{error:.2f} wrong characters"], []
    for measure in (BYTES, TIME):
        asked = table["measure"] == measure
        ours, codes = (table[asked & side]["value"].mean() for side in (rule, whole))
        cheaper.append(ours < codes)
        found.append(f"{ours:.3g} {measure}, codes {codes:.3g}")
    return Claim(question, "; ".join(found), Verdict.of(not error and all(cheaper), not error))


def _attacker(row) -> str:
    """Whose figure it is: attack, setting, and whose codes, if several pairs' are judged."""
    return ", ".join(filter(None, [row["attack"], row["setting"]])) + _whose(row["pair"])


def _whose(pair: str) -> str:
    return f" ({in_words(pair)})" if pair else ""


def _hidden(row) -> str:
    """The hidden attribute that a figure is about: ``"blood pressure (generalised)"``."""
    return f"{in_words(row['attribute'])} ({Operation(row['operation']).name.lower()}d)"


# --- the questions ------------------------------------------------------------------------------


def _of(*attacks: str, twin: bool | None = None) -> Rows:
    """The rows of attacks whose names begin so; with or without the re-keyed pair, or both."""

    def rows(findings: pd.DataFrame) -> pd.DataFrame:
        asked = findings["attack"].str.startswith(attacks)
        return findings[asked if twin is None else asked & ((findings["own"] == TWIN) == twin)]

    return rows


def _priced(findings: pd.DataFrame) -> pd.DataFrame:
    """The rule's rows and those of rounded codes; none without the rule's."""
    rule = findings["attack"] == "remedy: rule and cipher"
    return findings[(rule | (findings["attack"] == "remedy: rounding")) & rule.any()]


SHUT = (
    "no attack beats one constant line for all entries, nor hits values above chance by more "
    "than one in a hundred; in part, if none halves that line's error"
)
TELLS_NO_MORE = "no probe of the code tells more of it than the view does"
HIDES = (
    "a probe tells something without it; at some size none does, and the receiver has at most "
    "1.5 wrong characters"
)
UNPAIRED = ("statistics only", "translation")

BLIND = Question(
    section="remedy",
    asks="Do a blind pair's codes tell what its view deletes or generalises?",
    claimed="No",
    rule=TELLS_NO_MORE,
    since="2026-11-25",
)
RANDOMISED = Question(
    section="remedy",
    asks="Do random values in training keep a key from telling on whom it was trained?",
    claimed="Yes",
    rule="it tells without them, and with them every area under the ROC curve is a coin's; in "
    "part, if the areas are at most 0.6",
    since="2026-11-26",
)
# Each with the findings that touch it, and how they decide it.
QUESTIONS: tuple[tuple[Question, Rows, Judge], ...] = (
    (
        Question(
            section="V, figure 6; VI",
            asks="Can a decoder that doesn't match read codes?",
            claimed="No",
            rule=SHUT,
            since="2026-11-25",
        ),
        _of("wrong key", twin=False),
        _lock,
    ),
    (
        Question(
            section="V",
            asks="Can the right decoder's weights be guessed?",
            claimed="No",
            rule="the lock stays shut for weights that are off by one part in ten thousand or "
            "more, and for some of the layers; in part, if only such weights open it, as nobody "
            "can guess them all",
            since="2026-11-26",
        ),
        _of("near key"),
        _weights,
    ),
    (
        Question(
            section="VI",
            asks="Can a key be trained from known entries?",
            claimed="No",
            rule=SHUT,
            since="2026-11-25",
        ),
        _of("nearest neighbour", "linear map", "own decoder", twin=False),
        _lock,
    ),
    (
        Question(
            section="V",
            asks="Can another pair and many codes, but no known entry, open a pair?",
            claimed="No",
            rule=SHUT,
            since="2026-11-25",
        ),
        _of(*UNPAIRED, twin=False),
        _lock,
    ),
    (
        Question(
            section="suggested by V, VI",
            asks="Do codes tell what their view deletes or generalises?",
            claimed="No",
            rule=TELLS_NO_MORE,
            since="2026-11-25",
        ),
        _of("insider"),
        _deleted,
    ),
    (BLIND, _of("insider"), _deleted),
    (
        Question(
            section="not claimed",
            asks="Can the old key read the codes of a re-keyed pair?",
            claimed="No",
            rule=SHUT,
            since="2026-11-25",
        ),
        _of("wrong key", twin=True),
        _lock,
    ),
    (
        Question(
            section="not claimed",
            asks="Can the old pair and many codes open the re-keyed one?",
            claimed="No",
            rule=SHUT,
            since="2026-11-25",
        ),
        _of(*UNPAIRED, twin=True),
        _lock,
    ),
    (
        Question(
            section="not claimed",
            asks="Can the old pair and some known entries open the re-keyed one?",
            claimed="No",
            rule=SHUT,
            since="2026-11-25",
        ),
        _of("linear map", twin=True),
        _lock,
    ),
    (
        Question(
            section="not claimed",
            asks="Can the codes of one person be told from those of another?",
            claimed="No",
            rule="the area under the ROC curve is that of a coin",
            since="2026-11-25",
        ),
        _of("linkage"),
        _anonymous,
    ),
    (
        Question(
            section="not claimed",
            asks="Is a code noticed that was changed on its way?",
            claimed="Yes",
            rule="of the codes that yield another view, at most one in a hundred yields one of the "
            "right form; in part, if at most one in ten",
            since="2026-11-25",
        ),
        _of("tampering"),
        _noticed,
    ),
    (
        Question(
            section="not claimed",
            asks="Does a key tell whether a person was trained on?",
            claimed="No",
            rule="every area under the ROC curve is that of a coin, and one false alarm in a "
            "hundred finds no more; in part, if the areas are at most 0.6 and one in twenty is "
            "found",
            since="2026-11-26",
        ),
        _of("membership"),
        _remembers,
    ),
    (
        Question(
            section="not claimed",
            asks="Does a key write values of people it was trained on?",
            claimed="No",
            rule="of random codes it writes no more names and other such values of people trained "
            "on than of as many others",
            since="2026-11-26",
        ),
        _of("extraction"),
        _recites,
    ),
    (
        Question(
            section="remedy",
            asks="Does noise on the codes hide what the view hides?",
            claimed="Yes",
            rule=HIDES,
            since="2026-11-26",
        ),
        _of("remedy: noise"),
        _hides,
    ),
    (
        Question(
            section="remedy",
            asks="Do small codes hide what the view hides?",
            claimed="Yes",
            rule=HIDES,
            since="2026-11-26",
        ),
        _of("remedy: small codes"),
        _hides,
    ),
    (
        Question(
            section="remedy",
            asks="Do codes of a quarter of the size serve as well?",
            claimed="Yes",
            rule="int8 adds at most a tenth of a wrong character",
            since="2026-11-25",
        ),
        _of("remedy: rounding"),
        _rounding,
    ),
    (
        Question(
            section="remedy",
            asks="Do a rule and a cipher serve as well as codes?",
            claimed="Yes",
            rule="sealed views have no wrong character, and take fewer bytes and less time than "
            "codes; in part, if they only have no wrong character",
            since="2026-11-26",
        ),
        _priced,
        _rule,
    ),
)
