"""What the findings of the attacks say: each security claim as a question, answered by a rule."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum

import pandas as pd

from aalprivacy.attributes import in_words
from aalprivacy.audit.attacks import TWIN
from aalprivacy.audit.measure import ABOVE_CHANCE, AREA, BYTES, CHARACTER_ERROR, FOUND, TIME
from aalprivacy.codes import NUMBER_TYPES
from aalprivacy.policy import Operation

OPEN = 0.1  # codes can be read below this share of the error of one line for all entries
FEW_HITS = 0.01  # share of values right above chance that discloses nothing
BEARABLE = 1.5  # wrong characters that a receiver can live with: as many as the paper's
FAINT, FEW_FOUND = 0.6, 0.05  # an area, and a share of people found, that tell little
RARELY, SOMETIMES = 0.01, 0.1  # shares of changed codes that pass
# Shares of targets, and of lines: if an interval reaches further above a guess, it is too wide.
WIDE, WIDE_LINES = 0.1, 0.02
FEW_KNOWN = 10_000  # with fewer known entries a probe that finds nothing says little
SWAPPED = "the next user's code instead"  # begins the setting in which no code was changed
UNKNOWN = "not measured yet"
UNTRIED = "not tried yet"
# What probes tell of a blind pair's codes belongs to one question only, which is `BLIND`.
PROBES = ("insider", "remedy: noise", "remedy: small codes")
RULE = "remedy: rule and cipher"


class Verdict(StrEnum):
    HOLDS = "holds"
    IN_PART = "holds in part"
    FAILS = "doesn't hold"
    # There is nothing to remedy, or the intervals are too wide.
    UNDECIDED = "can't be decided"

    @classmethod
    def of(cls, holds: bool, in_part: bool = False) -> "Verdict":
        return cls.HOLDS if holds else cls.IN_PART if in_part else cls.FAILS


@dataclass(frozen=True, kw_only=True)
class Question:
    """A claim as a question, and what decides it.

    Parameters
    ----------
    section
        The paper's section that claims it, such as ``"V"``; ``"remedy"``; or ``"not claimed"``.
    asks
        The question, in our words.
    claimed
        The answer if the claim holds: ``"Yes"`` or ``"No"``.
    rule
        When the claim holds.
    since
        The day on which the rule was first written in these words, ``"2026-11-26"``.
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
        The figures that decide, in words.
    verdict
        What the rule says of the claim; ``None`` if nothing was measured.
    guess, reader
        The same figure for a guess that uses no code, and for the rightful reader.
    attacker
        Who reached the figure: the best attack, how strong it was, and on whose codes.
    untried
        The attacks of this question that the findings lack.
    """

    question: Question
    found: str = UNKNOWN
    verdict: Verdict | None = None
    guess: str = ""
    reader: str = ""
    attacker: str = ""
    untried: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """``"Yes"``, ``"No"``, ``"In part"``, ``"Undecided"``, or that nothing was measured."""
        if self.verdict is None:
            return UNKNOWN
        if self.verdict is Verdict.IN_PART:
            return "In part"
        if self.verdict is Verdict.UNDECIDED:
            return "Undecided"
        claimed, holds = self.question.claimed, self.verdict is Verdict.HOLDS
        return claimed if holds else {"Yes": "No", "No": "Yes"}[claimed]

    @property
    def measured(self) -> str:
        """What was found, and what to compare it with, in one line."""
        parts = {
            "by": self.attacker,
            "a guess": self.guess,
            "the rightful reader": self.reader,
            UNTRIED: ", ".join(self.untried),
        }
        return "; ".join([self.found, *(f"{who}: {what}" for who, what in parts.items() if what)])


@dataclass(frozen=True)
class Rows:
    """Which findings answer a question.

    Parameters
    ----------
    attacks
        How the names of the attacks begin.
    twin
        Whether the attacker's own pair is the re-keyed one; ``None`` if that doesn't matter.
    needs
        An attack without which there are no rows.
    """

    attacks: tuple[str, ...]
    twin: bool | None = None
    needs: str = ""

    def of(self, findings: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table of findings that answer the question."""
        asked = findings["attack"].str.startswith(self.attacks)
        if self.twin is not None:
            asked &= (findings["own"] == TWIN) == self.twin
        return findings[asked & (not self.needs or (findings["attack"] == self.needs).any())]

    def untried(self, rows: pd.DataFrame) -> tuple[str, ...]:
        """The attacks of which some pair has no row, among the pairs that have any of the rows."""
        return tuple(
            attack
            for attack in self.attacks
            if not rows["attack"].str.startswith(attack).groupby(rows["pair"]).any().all()
        )


Judge = Callable[[Question, pd.DataFrame], Claim]


def judge(
    findings: pd.DataFrame, *, blind: Collection[str] = (), every: bool = False
) -> list[Claim]:
    """The security claims, each judged by the most successful attack of all pairs in the table.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame`; for several pairs also a column ``pair`` with names.
    blind
        The names of the blind ones.
    every
        Whether to return also the questions without a finding, as not measured. Off by default.

    Returns
    -------
    A claim for each question, in the order of `QUESTIONS`.
    """
    findings = _named(findings)
    judged = []
    for question, rows, decide in QUESTIONS:
        probes = findings["attack"].str.startswith(PROBES)
        hidden = findings["pair"].isin(blind)
        table = rows.of(findings[hidden if question is BLIND else ~(probes & hidden)])
        if len(table):
            judged.append(replace(decide(question, table), untried=rows.untried(table)))
        elif every:
            judged.append(Claim(question))
    return judged


def judge_randomised(plain: pd.DataFrame, randomised: pd.DataFrame) -> Claim:
    """Whether random and mixed values in training keep a decoder from telling who was trained on.

    Parameters
    ----------
    plain, randomised
        Rows of `aalprivacy.audit.to_frame` of the membership attacks on two pairs that differ in
        nothing else. If one table has no such row, the claim is returned as not measured.

    Returns
    -------
    The claim. It is undecided if no attack does better than a coin without such values.
    """
    tables = [t[t["attack"].str.startswith("membership")] for t in map(_named, (plain, randomised))]
    if not all(map(len, tables)):
        return Claim(RANDOMISED)
    before, after = (_remembers(RANDOMISED, table) for table in tables)
    told_before = tables[0]["beats_baseline"].any()
    return replace(
        after,
        found=f"with them: {after.found}. Without them: {before.found}",
        verdict=after.verdict if told_before else Verdict.UNDECIDED,
    )


def judge_started(findings: pd.DataFrame) -> Claim:
    """Whether the owner of an old pair can read the codes of a pair that was started from it.

    Parameters
    ----------
    findings
        Rows of `aalprivacy.audit.to_frame` of attacks on the new pair with the old one. If there
        are none, the claim is returned as not measured.
    """
    table = _rows("wrong key", *UNPAIRED).of(_named(findings))
    return _lock(STARTED, table) if len(table) else Claim(STARTED)


def _named(findings: pd.DataFrame) -> pd.DataFrame:
    findings = findings.reset_index(drop=True)
    return findings if "pair" in findings else findings.assign(pair="")


# --- how each is decided ------------------------------------------------------------------------


def _lock(question: Question, table: pd.DataFrame) -> Claim:
    """A claim that an attacker reads nothing, judged by the attack that read most."""
    errors = table[table["measure"] == CHARACTER_ERROR]
    above = table[table["measure"] == ABOVE_CHANCE]
    best = errors.loc[(errors["value"] / errors["baseline"].clip(lower=1e-9)).idxmin()]
    found = f"{best['value']:.1f} wrong characters"
    fewer, undecided = errors["beats_baseline"].any(), False
    if len(above):
        surely = above[above["low"] > FEW_HITS]
        most = (surely if len(surely) else above).sort_values("high").iloc[-1]
        value, low, high = (max(0.0, most[column]) for column in ("value", "low", "high"))
        found += (
            f"; values right above chance: {value:.1%} ({low:.1%} to {high:.1%}), "
            f"of at most {most['control']:.1%}"
        )
        if _attacker(most) != _attacker(best):
            found += f", by {_attacker(most)}"
        fewer |= len(surely) > 0
        undecided = not fewer and high > FEW_HITS
    known = errors["known"][(errors["known"] > 0) & (errors["value"] < OPEN * errors["baseline"])]
    if len(known):
        found += f"; {known.min():,} known entries are enough for a tenth of a guess's error"
    verdict = Verdict.of(not fewer, (errors["value"] > 0.5 * errors["baseline"]).all())
    return Claim(
        question,
        found,
        Verdict.UNDECIDED if undecided else verdict,
        f"{best['baseline']:.1f}, one line for all",
        f"{best['control']:.2f}",
        _attacker(best),
    )


def _weights(question: Question, table: pd.DataFrame) -> Claim:
    errors = table[table["measure"] == CHARACTER_ERROR]
    opens = errors["value"] < OPEN * errors["baseline"]
    noisy = errors["size"] > 0
    rough, layers = errors[opens & noisy], errors[opens & ~noisy]["setting"].drop_duplicates()
    found = "no decoder that is known roughly reads codes"
    if len(rough):
        widest = rough.loc[rough["size"].idxmax()]
        found = (
            f"a decoder reads codes with all weights off by {100 * widest['size']:g} % of their "
            f"size: {widest['value']:.1f} wrong characters{_whose(widest['pair'])}"
        )
    if len(layers):
        found += f"; layers that are enough: {', '.join(layers)}"
    elif not noisy.all():
        found += "; none does with some layers right and the others drawn at random"
    return Claim(
        question,
        found,
        Verdict.of(not len(rough) and not len(layers), not len(layers)),
        attacker="somebody who knows the decoder only roughly, or only some of its layers",
    )


def _deleted(question: Question, table: pd.DataFrame) -> Claim:
    told, (n, of) = table[table["beats_baseline"]], hidden_told(table)
    known = table.groupby(["attack", "pair"], sort=False)["known"].max()
    guess = ""
    found = f"told of more than the view tells: {n} of {of} hidden attributes"
    if len(told):
        most = told.loc[(told["value"] - told["baseline"]).idxmax()]
        where = [
            "{} {} of {}".format(in_words(pair), *hidden_told(rows))
            for pair, rows in table.groupby("pair", sort=False)
        ]
        if len(where) == 1:
            where = sorted(map(in_words, set(told["attribute"])))
        found += (
            f" ({', '.join(where)}); the most: {_hidden(most)}, {most['measure']}: "
            f"{most['value']:.0%} right{_whose(most['pair'])}"
        )
        guess = f"{most['baseline']:.0%} right, from the view alone"
    return Claim(
        question,
        found,
        _unless_wide(Verdict.of(not len(told)), _reach(table), WIDE),
        guess,
        attacker="the receiver, with known entries at most: "
        + ", ".join(
            f"{attack.removeprefix('insider, ')} {_range(entries)}"
            for attack, entries in known.groupby("attack", sort=False)
        ),
    )


def hidden_told(table: pd.DataFrame) -> tuple[int, int]:
    """Of how many hidden attributes something is told, and how many were asked for.

    An attribute counts once for each pair whose view hides it.
    """
    asked = table.groupby(["pair", "attribute"])["beats_baseline"].any()
    return int(asked.sum()), len(asked)


def _range(numbers: pd.Series) -> str:
    """``"10,000"``, or ``"10,000 to 100,000"`` if they differ."""
    return " to ".join(f"{n:,}" for n in dict.fromkeys((numbers.min(), numbers.max())))


def _interval(row: pd.Series, form: str) -> str:
    """``"0.56 (0.53 to 0.59)"``."""
    return f"{row['value']:{form}} ({row['low']:{form}} to {row['high']:{form}})"


def _reach(table: pd.DataFrame) -> pd.Series:
    """How far above a guess the intervals of each attack's strongest attacker of a pair reach."""
    most = table.groupby(["pair", "attack"])["known"].transform("max")
    strongest = table[table["known"] == most]
    reach = strongest["high"] - strongest["baseline"]
    return reach.where(strongest["known"] >= FEW_KNOWN, float("inf"))


def _unless_wide(verdict: Verdict, reach: pd.Series, widest: float) -> Verdict:
    """A claim that holds can't be decided if an interval reaches too far above a guess."""
    return Verdict.UNDECIDED if verdict is Verdict.HOLDS and (reach > widest).any() else verdict


def _anonymous(question: Question, table: pd.DataFrame) -> Claim:
    most = table.loc[table["value"].idxmax()]
    return Claim(
        question,
        f"area {most['value']:.3f}",
        _unless_wide(Verdict.of(not table["beats_baseline"].any()), table["high"], FAINT),
        "area 0.500",
        f"area {most['control']:.3f}, by the views",
        _attacker(most),
    )


def _noticed(question: Question, table: pd.DataFrame) -> Claim:
    """By the change that passes most often. A whole code of somebody else is none: it is valid."""
    swapped = table["setting"].str.startswith(SWAPPED)
    changed = table[~swapped] if (~swapped).any() else table
    # The one that surely passes most often, and of equal ones the one that may pass most often.
    most = changed.sort_values(["low", "high"], ascending=False, kind="stable").iloc[0]
    found = f"{_interval(most, '.0%')} of the changed views have the right form"
    if swapped.any():
        found += f"; another user's whole code: {table[swapped]['value'].max():.0%}"
    verdict = Verdict.of(most["low"] <= RARELY, most["low"] <= SOMETIMES)
    return Claim(
        question,
        found,
        _unless_wide(verdict, changed["high"], RARELY),
        reader=f"{most['control']:.0%} of the unchanged views have it",
        attacker=_attacker(most),
    )


def _remembers(question: Question, table: pd.DataFrame) -> Claim:
    areas, found = (table[table["measure"] == measure] for measure in (AREA, FOUND))
    most = areas.loc[areas["value"].idxmax()]
    says, guess = f"area {_interval(most, '.2f')}", "area 0.50"
    if len(found):
        # Of the attacks that surely find more than a coin, the one that finds most; without any,
        # what the attack with the largest area finds.
        surely = found[found["beats_baseline"]]
        same = found[found.apply(_attacker, axis=1) == _attacker(most)]
        shown = surely if len(surely) else same if len(same) else found
        caught = shown.loc[shown["value"].idxmax()]
        says += (
            f"; at 1 % false alarms {_interval(caught, '.1%')} of the people trained on are found"
        )
        if _attacker(caught) != _attacker(most):
            says += f", by {_attacker(caught)}"
        guess += f"; {caught['baseline']:.1%}"
    return Claim(question, says, _of_members(table), guess, attacker=_attacker(most))


def _of_members(table: pd.DataFrame) -> Verdict:
    """By the attacks on membership that surely do better than a coin."""
    surely, little = table["beats_baseline"], table["measure"].map({AREA: FAINT, FOUND: FEW_FOUND})
    strong = surely & (table["value"] > little)
    return _unless_wide(Verdict.of(not surely.any(), not strong.any()), table["high"] - little, 0.0)


def _recites(question: Question, table: pd.DataFrame) -> Claim:
    surely = table[table["beats_baseline"]]
    shown = surely if len(surely) else table
    most = shown.loc[(shown["value"] - shown["baseline"]).idxmax()]
    what = in_words(most["attribute"] or most["measure"])
    return Claim(
        question,
        f"{what}: in {_interval(most, '.1%')} of the lines written from random codes",
        _unless_wide(
            Verdict.of(not table["beats_baseline"].any()),
            table["high"] - table["baseline"],
            WIDE_LINES,
        ),
        f"{most['baseline']:.1%}, of people never seen",
        f"{most['control']:.0%}, from these people's own codes",
        _attacker(most),
    )


def _hides(question: Question, table: pd.DataFrame) -> Claim:
    """Of a remedy that was tried at several sizes; the first size is without it.

    The pair that it protects least decides, among those whose codes tell something without it.
    """
    first, *others = table["size"].drop_duplicates()
    reads = table["attack"].str.endswith("receiver reads")
    errors = table[reads & (table["measure"] == CHARACTER_ERROR)].groupby("size")
    error, label = errors["value"].max(), errors["setting"].first()
    told = {size: hidden_told(probes) for size, probes in table[~reads].groupby("size")}
    tells = {size: told.get(size, (0, 0))[0] for size in (first, *others)}
    bearable = [size for size in tells if error[size] <= BEARABLE]
    hides = [size for size in tells if not tells[size]]
    shown = dict.fromkeys([*bearable[-1:], *hides[:1], *others[-1:]])
    verdicts = {_of_remedy(rows) for _, rows in table.groupby("pair")}
    worst = [v for v in (Verdict.FAILS, Verdict.UNDECIDED, Verdict.HOLDS) if v in verdicts]
    return Claim(
        question,
        f"told of more than the view tells: {tells[first]} of {told.get(first, (0, 0))[1]} hidden "
        "attributes without it, "
        + ", ".join(f"{tells[size]} with {label[size]}" for size in shown),
        worst[0] if worst else Verdict.UNDECIDED,
        reader="; ".join(
            f"{error[size]:.1f} wrong characters with {label[size]}" for size in shown
        ),
        attacker=f"the receiver, {table['known'].max():,} known entries",
    )


def _of_remedy(table: pd.DataFrame) -> Verdict | None:
    """Whether a remedy hides what one pair's codes tell; ``None`` if they tell nothing."""
    reads = table["attack"].str.endswith("receiver reads")
    errors = table[reads & (table["measure"] == CHARACTER_ERROR)].set_index("size")["value"]
    probes = dict(list(table[~reads].groupby("size")))
    first = table["size"].iloc[0]
    if first not in probes or not hidden_told(probes[first])[0]:
        return None
    hides = [
        size
        for size, error in errors.items()
        if error <= BEARABLE and size in probes and not hidden_told(probes[size])[0]
    ]
    surely = [size for size in hides if _reach(probes[size]).max() <= WIDE]
    return Verdict.UNDECIDED if hides and not surely else Verdict.of(bool(surely))


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
    """By the worst error of any pair, and the mean costs of all, beside codes in float32."""
    rule = table["attack"] == RULE
    whole = table["setting"] == NUMBER_TYPES[0]
    error = table[rule & (table["measure"] == CHARACTER_ERROR)]["value"].max()
    found, cheaper = [f"{error:.2f} wrong characters"], []
    for measure in (BYTES, TIME):
        asked = table["measure"] == measure
        ours, codes = (table[asked & side]["value"].mean() for side in (rule, whole))
        cheaper.append(ours < codes)
        found.append(f"{_short(ours)} {measure}, codes in {NUMBER_TYPES[0]} {_short(codes)}")
    return Claim(question, "; ".join(found), Verdict.of(not error and all(cheaper), not error))


def _short(number: float) -> str:
    """Two digits, but all of those before the point."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _attacker(row) -> str:
    """Whose figure it is: attack, setting, and whose codes, if several pairs' are judged."""
    return ", ".join(filter(None, [row["attack"], row["setting"]])) + _whose(row["pair"])


def _whose(pair: str) -> str:
    return f" ({in_words(pair)})" if pair else ""


def _hidden(row) -> str:
    """The hidden attribute that a figure is about: ``"blood pressure (generalised)"``."""
    return f"{in_words(row['attribute'])} ({Operation(row['operation']).name.lower()}d)"


# --- the questions ------------------------------------------------------------------------------


def _rows(*attacks: str, twin: bool | None = None) -> Rows:
    return Rows(attacks, twin)


SHUT = (
    "no attack has fewer wrong characters than one line for all entries, and every attack has at "
    "most one value in a hundred right above chance; in part, if none halves that line's error; "
    "undecided, if a 95 % interval is too wide to tell"
)
TELLS_NO_MORE = (
    "nothing that is trained on codes is surely right more often than the best guess from the view "
    "(95 % intervals, widened for the number of questions of one attack on one pair); a claim that "
    "would hold is undecided, if an attacker of a pair knew fewer than 10,000 entries, or an "
    "interval reaches more than ten targets in a hundred above this guess"
)
HIDES = (
    "for every pair whose codes tell a probe more than the view does, some size hides all of it, "
    "and the receiver still has at most 1.5 wrong characters; a claim that would hold is "
    "undecided, if the attacker knew fewer than 10,000 entries, or an interval then reaches more "
    "than ten targets in a hundred above the best guess from the view"
)
INSIDERS = ("insider, linear probe", "insider, neural probe", "insider, whole entry")
UNPAIRED = ("statistics only", "translation")

BLIND = Question(
    section="remedy",
    asks="Do a blind pair's codes tell what its view deletes or generalises?",
    claimed="No",
    rule=TELLS_NO_MORE,
    since="2026-11-27",
)
RANDOMISED = Question(
    section="remedy",
    asks="Do random and mixed values in training keep a decoder from telling who was trained on?",
    claimed="Yes",
    rule="without them an attack does surely better than a coin, and with them none does; in "
    "part, if those that are surely better with them have an area under the ROC curve of at most "
    "0.6 and find at most 5 % of the people; a claim that would hold is undecided, if an "
    "interval reaches further",
    since="2026-11-28",
)
STARTED = Question(
    section="not claimed",
    asks="Can the owner of a pair read the codes of another that was started from it, without any "
    "known entry?",
    claimed="No",
    rule=SHUT,
    since="2026-11-27",
)
# Each with the findings that touch it, and how they decide it.
QUESTIONS: tuple[tuple[Question, Rows, Judge], ...] = (
    (
        Question(
            section="V, figure 6; VI",
            asks="Can a decoder that doesn't match read codes?",
            claimed="No",
            rule=SHUT,
            since="2026-11-27",
        ),
        _rows("wrong key", twin=False),
        _lock,
    ),
    (
        Question(
            section="V",
            asks="Can codes be read with a decoder that is known only roughly or in part?",
            claimed="No",
            rule="no decoder gets below a tenth of the error of one line for all entries if all "
            "its weights are off by one part in ten thousand or more, nor if only some layers are "
            "right and the others drawn at random; in part, if only a decoder that is nearly right "
            "in all its weights does",
            since="2026-11-27",
        ),
        _rows("near key"),
        _weights,
    ),
    (
        Question(
            section="VI",
            asks="Can a decoder be trained from known entries?",
            claimed="No",
            rule=SHUT,
            since="2026-11-27",
        ),
        _rows("nearest neighbour", "linear map", "own decoder", twin=False),
        _lock,
    ),
    (
        Question(
            section="V",
            asks="Can the owner of another pair read codes without any known entry?",
            claimed="No",
            rule=SHUT,
            since="2026-11-27",
        ),
        _rows(*UNPAIRED, twin=False),
        _lock,
    ),
    (
        Question(
            section="suggested by V, VI",
            asks="Do codes tell what their view deletes or generalises?",
            claimed="No",
            rule=TELLS_NO_MORE,
            since="2026-11-27",
        ),
        _rows(*INSIDERS),
        _deleted,
    ),
    (BLIND, _rows(*INSIDERS), _deleted),
    (
        Question(
            section="not claimed",
            asks="Can the old decoder read the codes of a re-keyed pair?",
            claimed="No",
            rule=SHUT,
            since="2026-11-27",
        ),
        _rows("wrong key", twin=True),
        _lock,
    ),
    (
        Question(
            section="not claimed",
            asks="Can the owner of the old pair read a re-keyed pair's codes without any known "
            "entry?",
            claimed="No",
            rule=SHUT,
            since="2026-11-27",
        ),
        _rows(*UNPAIRED, twin=True),
        _lock,
    ),
    (
        Question(
            section="not claimed",
            asks="Can the owner of the old pair read a re-keyed pair's codes with some known "
            "entries?",
            claimed="No",
            rule=SHUT,
            since="2026-11-27",
        ),
        _rows("linear map", twin=True),
        _lock,
    ),
    (
        Question(
            section="not claimed",
            asks="Can two codes be recognised as the same person's?",
            claimed="No",
            rule="by the 95 % intervals, no area under the ROC curve is above a coin's 0.5; "
            "a claim that would hold is undecided, if an interval reaches 0.6",
            since="2026-11-27",
        ),
        _rows("linkage"),
        _anonymous,
    ),
    (
        Question(
            section="not claimed",
            asks="Does the receiver notice a code that was changed on its way?",
            claimed="Yes",
            rule="by the 95 % interval, at most one in a hundred changed views has the right "
            "form, for each kind of change; in part, if at most one in ten has; a claim that "
            "would hold is undecided, if an interval reaches further; another user's whole code "
            "isn't counted",
            since="2026-11-28",
        ),
        _rows("tampering"),
        _noticed,
    ),
    (
        Question(
            section="not claimed",
            asks="Does a decoder tell whether a person was trained on?",
            claimed="No",
            rule="by the 95 % intervals, no area under the ROC curve is above a coin's 0.5, and at "
            "1 % false alarms no more people trained on are found than by a coin; in part, if "
            "those surely above this are areas of at most 0.6 and shares of at most 5 %; a claim "
            "that would hold is undecided, if an interval reaches further",
            since="2026-11-28",
        ),
        _rows("membership, code and loss", "membership, decoder alone"),
        _remembers,
    ),
    (
        Question(
            section="not claimed",
            asks="Does a decoder write values of people it was trained on?",
            claimed="No",
            rule="from random codes it doesn't write names and other personal values of people "
            "trained on surely more often than those of as many people never seen; a claim that "
            "would hold is undecided, if an interval reaches more than two lines in a hundred "
            "above these",
            since="2026-11-27",
        ),
        _rows("extraction"),
        _recites,
    ),
    (
        Question(
            section="remedy",
            asks="Does noise on the codes hide what the view hides?",
            claimed="Yes",
            rule=HIDES,
            since="2026-11-28",
        ),
        _rows("remedy: noise"),
        _hides,
    ),
    (
        Question(
            section="remedy",
            asks="Do small codes hide what the view hides?",
            claimed="Yes",
            rule=HIDES,
            since="2026-11-28",
        ),
        _rows("remedy: small codes"),
        _hides,
    ),
    (
        Question(
            section="remedy",
            asks="Do codes of a quarter of the size serve as well?",
            claimed="Yes",
            rule="int8 adds at most a tenth of a wrong character to float32; in part, if there are "
            "still at most 1.5",
            since="2026-11-26",
        ),
        _rows("remedy: rounding"),
        _rounding,
    ),
    (
        Question(
            section="remedy",
            asks="Do a rule and a cipher serve as well as codes in float32?",
            claimed="Yes",
            rule="sealed views have no wrong character, and take fewer bytes and less time than "
            "codes in float32 that aren't sealed; in part, if they only have no wrong character",
            since="2026-11-26",
        ),
        Rows((RULE, "remedy: rounding"), needs=RULE),
        _rule,
    ),
)
