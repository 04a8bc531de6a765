"""How good a pair is: character error, exact and well-formed entries, on three test sets.

The paper counts wrong characters per entry (its section V); here that is the Levenshtein distance
between the decoded and the expected line.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from aalprivacy.attributes import NAMES
from aalprivacy.files import USER_ID
from aalprivacy.model import Pair
from aalprivacy.policy import Policy
from aalprivacy.simulate import MOST_ENTRIES, simulate
from aalprivacy.text import (
    SEPARATOR,
    character_errors,
    from_lines,
    from_tokens,
    is_well_formed,
    to_lines,
)
from aalprivacy.views import apply_policy

TRAINING_SEED = 1
VALIDATION_SEED = 1_000_001
TEST_SEED = 2_000_001
# At 100 entries each, as many entries as the paper has (section IV-D).
N_TRAINING_USERS, N_TEST_USERS = 8000, 2000
MOST_ERRORS = 20
TEST_SETS = ("seen", "unseen", "open")


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
        Of that mean, whose entries are independent between users and not within one.
    exact, well_formed
        Shares of entries decoded without an error, and with twenty values.
    attributes
        Attribute -> mean Levenshtein distance of its value; a line without twenty values is read
        from the left.
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
    standard_error: float
    exact: float
    well_formed: float
    attributes: dict[str, float]
    right: dict[str, float]
    distribution: list[int]
    single: dict[str, int]


def from_card(card: dict, kind: str = "unseen") -> Score:
    """What a pair's card says of a test set."""
    return Score(**card["test"][kind])


def minutes(card: dict) -> float:
    """How long a pair was trained, with what it was started from."""
    return (card["training"]["seconds"] + card.get("started_from", {}).get("seconds", 0)) / 60


def score(decoded: pd.Series, expected: pd.Series, users: pd.Series | None = None) -> Score:
    """Compare decoded lines with those expected, row by row.

    Parameters
    ----------
    users
        Whose line each is. Lines of one user have values in common, so their errors aren't
        independent; without this all are taken to be.
    """
    errors = character_errors(decoded, expected)
    got, want = from_lines(decoded, errors="coerce"), from_lines(expected)
    by_attribute = {n: character_errors(got[n], want[n]) for n in NAMES}
    return Score(
        entries=len(errors),
        character_error=float(errors.mean()),
        standard_error=_standard_error(errors, users),
        exact=float((errors == 0).mean()),
        well_formed=float(is_well_formed(decoded).mean()),
        attributes={n: float(wrong.mean()) for n, wrong in by_attribute.items()},
        right={n: float((wrong == 0).mean()) for n, wrong in by_attribute.items()},
        distribution=np.bincount(errors.clip(max=MOST_ERRORS), minlength=MOST_ERRORS + 1).tolist(),
        single={n: int(((errors == 1) & (wrong == 1)).sum()) for n, wrong in by_attribute.items()},
    )


def _standard_error(errors: np.ndarray, groups: pd.Series | None = None) -> float:
    """Of a mean whose terms are independent, or between groups only (Liang & Zeger 1986)."""
    sums = pd.Series(errors - errors.mean())
    if groups is not None:
        sums = sums.groupby(groups.to_numpy()).sum()
    if len(sums) < 2:
        return 0.0
    return float(np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(errors))


def decode_entries(pair: Pair, entries: pd.DataFrame, decoder: Pair | None = None) -> pd.Series:
    """Encode entries and decode them again: lines, with the index of `entries`.

    Parameters
    ----------
    decoder
        Another pair, to decode with its decoder (a mismatched one).
    """
    codes = pair.encode_entries(entries)
    return from_tokens((decoder or pair).decode(codes), entries.index)


def evaluate(
    pair: Pair,
    entries: pd.DataFrame,
    policy: Policy | None = None,
    receiver: str | None = None,
) -> Score:
    """Score a pair on entries, against the view by rule.

    Parameters
    ----------
    policy
        The rule; by default the one that the pair was trained on.
    receiver
        Whose view; the pair's own receiver by default.
    """
    expected = to_lines(apply_policy(entries, policy or pair.policy, receiver or pair.receiver))
    return score(decode_entries(pair, entries), expected, entries.get(USER_ID))


def make_test_set(
    kind: str,
    n: int = 1000,
    training_seed: int = TRAINING_SEED,
    n_training_users: int = N_TRAINING_USERS,
) -> pd.DataFrame:
    """A test set of `n` entries, of as many users up to 2,000 (the paper's test: 200,000 entries).

    Parameters
    ----------
    kind
        ``"seen"``: new entries of users trained on; ``"unseen"``: users never trained on;
        ``"open"``: such users, with given names, surnames,
        streets and towns never trained on as such.
    n
        Entries; rounded up to a whole number a user, if there are fewer users than entries, but
        at most `MOST_ENTRIES` of each.
    training_seed, n_training_users
        The simulation that the pair was trained on, for ``"seen"``.
    """
    users = min(n, N_TEST_USERS)
    if kind == "seen":
        users = min(users, n_training_users)
    per_user = min(-(-n // users), MOST_ENTRIES)
    if kind == "seen":
        everyone = simulate(n_training_users, per_user, training_seed, entries_seed=TEST_SEED)
        drawn = np.random.default_rng(TEST_SEED).choice(n_training_users, users, replace=False)
        return everyone[everyone["user_id"].isin(drawn)].reset_index(drop=True)
    vocabulary = "open" if kind == "open" else "training"
    return simulate(users, per_user, TEST_SEED, vocabulary=vocabulary)


def evaluate_all(pair: Pair, n: int = 1000, policy: Policy | None = None) -> dict[str, Score]:
    """Score a pair on the three test sets of `n` entries, as its card says it was trained."""
    data = pair.card.get("data", {})
    seed, users = data.get("seed"), data.get("users")
    if seed is None:
        kinds = [k for k in TEST_SETS if k != "seen"]  # trained on someone's own entries
        return {k: evaluate(pair, make_test_set(k, n), policy) for k in kinds}
    return {k: evaluate(pair, make_test_set(k, n, seed, users), policy) for k in TEST_SETS}


@dataclass(frozen=True)
class Mismatch:
    """What a decoder makes of another encoder's codes.

    Parameters
    ----------
    encoder, decoder
        Names of the pairs.
    character_error
        Mean Levenshtein distance to the view that the decoder's receiver would have had.
    constant
        The same for the best of many real views, given for every entry: what needs no code.
    random_code
        The same for the decoder given normal random codes of the means and deviations of its own
        encoder's.
    hits, chance
        Attribute -> share of the values that are right; and that are right when the decoded views
        are dealt out to the entries at random, which is what they get without any information.
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
        Name -> pair; each has its receiver on its card.
    entries
        On which to try them.
    """
    rng = np.random.default_rng(seed)
    codes = {name: pair.encode_entries(entries) for name, pair in pairs.items()}
    found = []
    for decoder, pair in pairs.items():
        view = apply_policy(entries, pair.policy, pair.receiver)
        expected = to_lines(view)
        own = codes[decoder]
        random = rng.normal(own.mean(0), own.std(0), own.shape).astype(np.float32)
        constant = best_constant(expected)
        of_random = character_errors(from_tokens(pair.decode(random)), expected).mean()
        for encoder in pairs:
            decoded = from_tokens(pair.decode(codes[encoder]), entries.index)
            values = from_lines(decoded, errors="coerce")
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
    return {n: float((values[n].to_numpy() == view[n].to_numpy()).mean()) for n in NAMES}


def best_constant(lines: pd.Series, tried: int = 200) -> float:
    """Character error of one line given for all: the best of `tried` of them and the modal one."""
    table = from_lines(lines)
    candidates = list(lines.iloc[:tried])
    candidates.append(SEPARATOR.join(table[name].mode()[0] for name in NAMES))
    return float(min(character_errors([c] * len(lines), lines).mean() for c in candidates))


def to_dict(scores: dict[str, Score]) -> dict:
    """Scores as plain values, for JSON."""
    return {kind: asdict(s) for kind, s in scores.items()}


def to_frame(scores: dict[str, Score]) -> pd.DataFrame:
    """Scores as a table, one row a test set."""
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
