"""How good a pair is: character error, exact and well-formed entries, on tables of entries.

The paper counts wrong characters per entry (its section V); here that is the Levenshtein distance
between the decoded and the expected line.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from aalprivacy.attributes import SEPARATOR
from aalprivacy.errors import InputError
from aalprivacy.pair import Pair
from aalprivacy.policy import Policy
from aalprivacy.schema import Schema
from aalprivacy.text import character_errors, from_lines, is_well_formed, view_lines
from aalprivacy.views import apply_policy

MOST_ERRORS = 20
PAPER_ERROR = 1.5  # wrong characters per entry, the paper's section V


@dataclass(frozen=True)
class Score:
    """Results on one set of entries.

    Parameters
    ----------
    entries
        How many.
    character_error
        Mean Levenshtein distance between decoded and expected line.
    standard_error
        Of that mean. Entries of different users count as independent, entries of one user don't.
        ``None`` with a single user or entry.
    exact, well_formed
        Shares of entries decoded without an error, and with as many values as there are attributes.
    attributes
        Attribute -> mean Levenshtein distance of its value; a line of too few or too many values
        is read from the left.
    right
        Attribute -> share of its values that are right to the last character.
    distribution
        How many entries have 0, 1, 2, ... wrong characters; the last number counts `MOST_ERRORS`
        and more.
    single
        Attribute -> how many entries have their only wrong character in it (paper, section V: most
        of the time it is the timestamp).
    """

    entries: int
    character_error: float
    standard_error: float | None
    exact: float
    well_formed: float
    attributes: dict[str, float]
    right: dict[str, float]
    distribution: list[int]
    single: dict[str, int]


def from_card(card: dict, kind: str = "unseen") -> Score:
    """A test set's score from a pair's card."""
    return Score(**card["test"][kind])


def minutes(card: dict) -> float:
    """How long a pair was trained, including the pair that it was started from."""
    return (card["training"]["seconds"] + card.get("started_from", {}).get("seconds", 0)) / 60


def minutes_until(card: dict, error: float = PAPER_ERROR) -> float | None:
    """When a training first had at most an error on its validation entries; ``None`` if never."""
    log = pd.DataFrame(card["training"]["log"])
    reached = log.loc[log["character_error"] <= error, "seconds"]
    return float(reached.iloc[0]) / 60 if len(reached) else None


def added_if_disturbed(card: Mapping) -> float | None:
    """How many more characters a pair has wrong with missing and abnormal values.

    Both figures are on the pair's card, of other people; ``None`` if the first isn't.
    """
    if "test_disturbed" not in card:
        return None
    return card["test_disturbed"]["character_error"] - card["test"]["unseen"]["character_error"]


def trained_for(card: dict) -> str:
    """How long a pair was trained, in words; with the GPU on which it was begun, if any."""
    begun, cores = card.get("begun_on"), f"on {card['machine']['cores']} cores"
    if begun is None:
        return f"{minutes(card):.0f} min {cores}"
    rest = minutes(card) - begun["seconds"] / 60
    others = begun["side_by_side"] - 1
    parts = [f"{begun['seconds'] / 60:.0f} min on a GPU with {others} other trainings"]
    if card["training"]["updates"] > begun["updates"]:
        parts.append(f"{rest:.0f} min {cores}")
    return "; then ".join(parts)


def score(
    decoded: pd.Series, expected: pd.Series, schema: Schema, users: pd.Series | None = None
) -> Score:
    """Compare decoded lines with the expected ones, row by row.

    Parameters
    ----------
    decoded, expected
        Lines of the same rows.
    schema
        What a line is.
    users
        Whose line each is. Lines of one user have values in common, so their errors aren't
        independent. Without `users`, all lines count as independent.
    """
    tally = Tally(schema)
    tally.add(decoded, expected, users)
    return tally.score()


class Tally:
    """The sums from which a `Score` is computed; lines can be added at any time.

    Parameters
    ----------
    schema
        What a line is.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.entries = self.errors = self.squares = self.exact = self.well_formed = 0
        self.wrong: Counter = Counter()
        self.right: Counter = Counter()
        self.single: Counter = Counter()
        self.distribution = np.zeros(MOST_ERRORS + 1, int)
        # For each person: the number of errors, and the number of entries.
        self.of_person: Counter = Counter()
        self.per_person: Counter = Counter()

    def add(self, decoded: pd.Series, expected: pd.Series, users: pd.Series | None = None) -> None:
        """Compare more lines; the parameters are those of `score`."""
        errors, schema = character_errors(decoded, expected), self.schema
        got, want = from_lines(decoded, schema, errors="coerce"), from_lines(expected, schema)
        for name in schema.names:
            wrong = character_errors(got[name], want[name])
            self.wrong[name] += int(wrong.sum())
            self.right[name] += int((wrong == 0).sum())
            self.single[name] += int(((errors == 1) & (wrong == 1)).sum())
        self.entries += len(errors)
        self.errors += int(errors.sum())
        self.squares += int((errors.astype(np.int64) ** 2).sum())
        self.exact += int((errors == 0).sum())
        self.well_formed += int(is_well_formed(decoded, schema).sum())
        self.distribution += np.bincount(errors.clip(max=MOST_ERRORS), minlength=MOST_ERRORS + 1)
        if users is not None:
            people = pd.Series(errors).groupby(users.to_numpy())
            self.of_person.update(people.sum().to_dict())
            self.per_person.update(people.size().to_dict())

    def score(self) -> Score:
        """The score of all lines so far."""
        n, names = self.entries, self.schema.names
        return Score(
            entries=n,
            character_error=self.errors / n,
            standard_error=self._standard_error(),
            exact=self.exact / n,
            well_formed=self.well_formed / n,
            attributes={name: self.wrong[name] / n for name in names},
            right={name: self.right[name] / n for name in names},
            distribution=self.distribution.tolist(),
            single={name: self.single[name] for name in names},
        )

    def _standard_error(self) -> float | None:
        """The mean's standard error; with users, clustered by user (Liang & Zeger 1986)."""
        n, groups, mean = self.entries, len(self.per_person), self.errors / self.entries
        if groups:
            off = (self.of_person[who] - count * mean for who, count in self.per_person.items())
            squares = sum(difference**2 for difference in off)
        else:
            groups, squares = n, self.squares - self.errors * mean
        return None if groups < 2 else float(np.sqrt(groups / (groups - 1) * squares) / n)


def decode_entries(pair: Pair, entries: pd.DataFrame, decoder: Pair | None = None) -> pd.Series:
    """Encode entries and decode them again: lines, with the index of `entries`.

    Parameters
    ----------
    decoder
        Another pair, to decode with its decoder (a mismatched one).
    """
    return (decoder or pair).decode(pair.encode_entries(entries), entries.index)


def evaluate(
    pair: Pair,
    entries: pd.DataFrame | Iterable[pd.DataFrame],
    policy: Policy | None = None,
    receiver: str | None = None,
) -> Score:
    """Score a pair on entries, against the view by rule.

    Parameters
    ----------
    pair
        Encodes and decodes.
    entries
        Of the pair's schema, in one table or in pieces. If they have the schema's id column, the
        standard error is clustered by person.
    policy
        The rule; by default the one that the pair was trained on.
    receiver
        Whose view; the pair's own receiver by default.

    Raises
    ------
    InputError
        If there are no entries, or a value is null or not of its attribute's form.
    """
    tally = Tally(pair.schema)
    for piece in [entries] if isinstance(entries, pd.DataFrame) else entries:
        view = apply_policy(piece, policy or pair.policy, receiver or pair.receiver)
        expected = view_lines(view, pair.schema)
        tally.add(decode_entries(pair, piece), expected, pair.schema.people(piece))
    if not tally.entries:
        raise InputError("no entries to score; expected at least one")
    return tally.score()


def evaluate_all(
    pair: Pair, tables: Mapping[str, pd.DataFrame], policy: Policy | None = None
) -> dict[str, Score]:
    """Score a pair on several tables: name -> score."""
    return {name: evaluate(pair, table, policy) for name, table in tables.items()}


@dataclass(frozen=True)
class Mismatch:
    """How a decoder decodes the codes of an encoder, its own or another pair's.

    Parameters
    ----------
    encoder, decoder
        Names of the pairs.
    character_error
        Mean Levenshtein distance to the view that the decoder's receiver would have had.
    constant
        The same for the best constant line: one real view that is given for every entry. It needs
        no code.
    random_code
        The same for the decoder on random codes: normal numbers with the means and deviations of
        its own encoder's codes.
    hits, chance
        Attribute -> share of the values that are right; and the share that is right by chance, when
        the decoded views are assigned to the entries at random.
    """

    encoder: str
    decoder: str
    character_error: float
    constant: float
    random_code: float
    hits: dict[str, float]
    chance: dict[str, float]


def cross(pairs: dict[str, Pair], entries: pd.DataFrame, seed: int = 0) -> list[Mismatch]:
    """Every pair's encoder against every pair's decoder (paper, section V and figure 6).

    Parameters
    ----------
    pairs
        Name -> pair.
    entries
        The entries to encode and decode.
    """
    rng = np.random.default_rng(seed)
    codes = {name: pair.encode_entries(entries) for name, pair in pairs.items()}
    found = []
    for decoder, pair in pairs.items():
        view = apply_policy(entries, pair.policy, pair.receiver)
        expected = view_lines(view, pair.schema)
        own = codes[decoder]
        random = rng.normal(own.mean(0), own.std(0), own.shape).astype(np.float32)
        constant = best_constant(expected, pair.schema)
        of_random = character_errors(pair.decode(random), expected).mean()
        for encoder in pairs:
            decoded = pair.decode(codes[encoder], entries.index)
            values = from_lines(decoded, pair.schema, errors="coerce")
            dealt = values.iloc[rng.permutation(len(values))]
            found.append(
                Mismatch(
                    encoder,
                    decoder,
                    float(character_errors(decoded, expected).mean()),
                    constant,
                    float(of_random),
                    *(_hits(v, view) for v in (values, dealt)),
                )
            )
    return found


def _hits(values: pd.DataFrame, view: pd.DataFrame) -> dict[str, float]:
    return {n: float((values[n].to_numpy() == view[n].to_numpy()).mean()) for n in view.columns}


def best_constant(lines: pd.Series, schema: Schema, tried: int = 200) -> float:
    """Character error of the best constant line: one of `tried` lines, or the line of modes."""
    table = from_lines(lines, schema)
    candidates = list(lines.iloc[:tried])
    candidates.append(SEPARATOR.join(table[name].mode()[0] for name in schema.names))
    return float(min(character_errors([c] * len(lines), lines).mean() for c in candidates))


def to_dict(scores: dict[str, Score]) -> dict:
    """Scores as plain values, for JSON."""
    return {kind: asdict(s) for kind, s in scores.items()}


def to_frame(scores: dict[str, Score]) -> pd.DataFrame:
    """Scores as a table, one row for each test set."""
    rows = {
        kind: {
            "entries": s.entries,
            "character error": s.character_error,
            "± s.e.": s.standard_error,
            "exact": s.exact,
            "well-formed": s.well_formed,
        }
        for kind, s in scores.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("test set")


def to_text(scores: dict[str, Score]) -> tuple[list[list[str]], list[str]]:
    """Scores as rows of text to print, and the names of the columns."""
    frame = to_frame(scores)
    forms = {"entries": "{:,.0f}", "exact": "{:.1%}", "well-formed": "{:.1%}"}
    rows = [
        [str(name), *("-" if pd.isna(v) else forms.get(str(c), "{:.3f}").format(v)
                      for c, v in row.items())]
        for name, row in frame.iterrows()
    ]  # fmt: skip
    return rows, ["test set", *frame.columns]
