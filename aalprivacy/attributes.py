"""What an entry is: the twenty attributes of the paper's Table I, in its order.

Every value is text. An attribute knows the form of its values (``pattern``), what it is about
(``category``) and, where a less specific but still true value exists, how to generalise it.
In every attribute ``-`` is a missing value; in a view ``*`` is a deleted one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from aalprivacy.errors import InputError

DELETED = "*"
MISSING = "-"

SECTOR_OF = {
    occupation: sector
    for sector, occupations in {
        "farming": ("farmer", "gardener", "gamekeeper", "shepherd"),
        "factory": ("machinist", "welder", "toolmaker", "fitter", "weaver", "printer"),
        "building": ("builder", "plumber", "bricklayer", "joiner", "roofer", "plasterer"),
        "retail": ("shopkeeper", "cashier", "butcher", "florist", "mechanic", "salesman"),
        "transport": ("driver", "postman", "pilot", "sailor", "guard"),
        "hospitality": ("cook", "waiter", "publican", "barman"),
        "media": ("journalist", "editor", "actor", "programmer", "musician"),
        "finance": ("banker", "actuary", "broker"),
        "professions": ("solicitor", "architect", "engineer", "accountant", "surveyor"),
        "support": ("secretary", "cleaner", "typist", "porter"),
        "public": ("policeman", "soldier", "clerk", "fireman", "planner"),
        "education": ("teacher", "lecturer", "librarian", "tutor", "headmaster"),
        "health": ("nurse", "doctor", "midwife", "pharmacist", "dentist", "carer", "optician"),
        "services": ("hairdresser", "undertaker", "vicar", "tailor"),
    }.items()
    for occupation in occupations
}
"""Occupation -> sector, after the sections of the UK's SIC 2007."""

DISEASE_GROUP_OF = {
    disease: group
    for group, diseases in {
        "none": ("none",),
        "dementia": ("alzheimer", "vasc dementia", "lewy body"),
        "circulatory": ("hypertension", "angina", "arrhythmia", "heart failure", "stroke"),
        "respiratory": ("asthma", "copd"),
        "endocrine": ("diabetes", "hypothyroid"),
        "renal": ("ckd",),
        "cancer": ("breast cancer", "bowel cancer", "lung cancer", "lymphoma", "melanoma"),
        "rheumatic": ("arthritis", "osteoporosis", "gout"),
        "neurologic": ("parkinson", "epilepsy"),
        "mood": ("depression", "anxiety"),
        "eye": ("glaucoma", "cataract"),
    }.items()
    for disease in diseases
}
"""Disease -> group, after the chapters of ICD-10 (dementias kept apart from the other nervous
system diseases, as in the paper's own example alzheimer -> dementia)."""

PARTNERSHIP_OF = {
    "married": "partnered",
    "cohabiting": "partnered",
    "single": "single",
    "widowed": "single",
    "divorced": "single",
}


class Category(StrEnum):
    """The kinds of attribute of the paper's section IV-B."""

    PERSONAL = "personal"  # names a person outright
    IDENTIFYING = "identifying"  # may single a person out, together with others
    MEDICAL = "medical"
    SENSOR = "sensor"


@dataclass(frozen=True)
class Attribute:
    """One column of an entry.

    Parameters
    ----------
    name
        Column name, e.g. ``"blood_pressure"``.
    label
        The name in the paper's Table I, e.g. ``"Blood Pressure"``.
    category
        What kind of information it is.
    pattern
        Regular expression that every present value matches in full.
    form
        The same, in words, for error messages.
    rule
        One value to its generalised value; ``None`` if there is nothing between telling and
        deleting.
    """

    name: str
    label: str
    category: Category
    pattern: str
    form: str
    rule: Callable[[str], str] | None = None

    def generalise(self, values: pd.Series) -> pd.Series:
        """Generalise a column; missing values stay missing.

        Parameters
        ----------
        values
            Column of text, shape ``(n,)``.

        Returns
        -------
        Series of text, same index and name.

        Raises
        ------
        InputError
            If the attribute can't be generalised, or a value isn't of the attribute's form.
        """
        if self.rule is None:
            raise InputError(f"{self.name}: this attribute has no generalisation")
        # The rule runs once a distinct value; a home of a million entries has a few thousand.
        codes, distinct = pd.factorize(values)
        self.check(pd.Series(distinct), rows=values.index[np.unique(codes, return_index=True)[1]])
        general = [v if v == MISSING else self.rule(v) for v in distinct]
        return pd.Series(
            pd.array(general, dtype="str").take(codes), index=values.index, name=values.name
        )

    def check(self, values: pd.Series, rows: pd.Index | None = None) -> None:
        """Raise `InputError`, naming the row, at the first value that isn't of this form."""
        good = values.str.fullmatch(self.pattern) | (values == MISSING)
        if not good.all():
            at = int(np.argmin(good.to_numpy()))
            row = (values.index if rows is None else rows)[at]
            raise InputError(
                f"row {row}, {self.name}: expected {self.form}, got {values.iloc[at]!r}"
            )


def _range(width: int) -> Callable[[str], str]:
    """Whole numbers to ranges: ``_range(10)("83") == "80-89"``."""

    def rule(value: str) -> str:
        low = int(value) // width * width
        return f"{low}-{low + width - 1}"

    return rule


def _bands(*bands: tuple[int, str], last: str) -> Callable[[str], str]:
    """Whole numbers to the name of the first band whose upper limit they stay under."""

    def rule(value: str) -> str:
        return next((name for limit, name in bands if int(value) < limit), last)

    return rule


def _lookup(table: dict[str, str]) -> Callable[[str], str]:
    return table.__getitem__


def _one_of(table: dict[str, str]) -> dict[str, str]:
    words = sorted(table)
    return {"pattern": "|".join(words), "form": "one of " + ", ".join(words)}


def _blood_pressure_class(value: str) -> str:
    """Class of a ``systolic-diastolic`` reading in mmHg.

    High from 140/90 and raised from 120/70 (elevated, in its terms) as in McEvoy et al., "2024 ESC
    Guidelines for the management of elevated blood pressure and hypertension", Eur. Heart J. 45;
    low under 90/60 as the NHS has it. The higher class counts when the two numbers differ.
    """
    systolic, diastolic = map(int, value.split("-"))
    if systolic >= 140 or diastolic >= 90:
        return "high"
    if systolic >= 120 or diastolic >= 70:
        return "raised"
    return "low" if systolic < 90 or diastolic < 60 else "normal"


_DIGITS = r"\d{1,3}"

ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute(
        "name", "Name", Category.PERSONAL, r"[a-z][a-z -]*", "a given name and a surname in a-z"
    ),
    Attribute("age", "Age", Category.IDENTIFYING, _DIGITS, "an age in years", _range(10)),
    Attribute("gender", "Gender", Category.IDENTIFYING, r"[a-z][a-z-]*", "a word such as female"),
    Attribute("height", "Height", Category.IDENTIFYING, _DIGITS, "a height in cm", _range(10)),
    Attribute("weight", "Weight", Category.IDENTIFYING, _DIGITS, "a weight in kg", _range(10)),
    Attribute(
        "address",
        "Address",
        Category.PERSONAL,
        r"[a-z0-9][a-z0-9 -]* [a-z][a-z-]*",
        "number, street and town; a town of several words is written with hyphens",
        lambda value: value.rsplit(" ", 1)[1],
    ),
    Attribute(
        "phone_number",
        "Phone Number",
        Category.PERSONAL,
        r"\d{6,15}",
        "6 to 15 digits",
        # UK area codes and mobile ranges alike are told by the first five digits.
        lambda value: value[:5],
    ),
    Attribute(
        "occupation",
        "Occupation",
        Category.IDENTIFYING,
        rule=_lookup(SECTOR_OF),
        **_one_of(SECTOR_OF),
    ),
    Attribute(
        "marital_status",
        "Marital Status",
        Category.IDENTIFYING,
        rule=_lookup(PARTNERSHIP_OF),
        **_one_of(PARTNERSHIP_OF),
    ),
    Attribute(
        "timestamp",
        "Timestamp",
        Category.IDENTIFYING,
        r"\d{8} \d{4}",
        "ISO 8601 basic date and time such as 20180314 0730",
        lambda value: value[:6],  # to the month
    ),
    Attribute(
        "blood_pressure",
        "Blood Pressure",
        Category.MEDICAL,
        r"\d{2,3}-\d{2,3}",
        "systolic-diastolic in mmHg such as 135-85",
        _blood_pressure_class,
    ),
    Attribute(
        "glucose_level",
        "Glucose level",
        Category.MEDICAL,
        _DIGITS,
        "blood glucose in mg/dl",
        # Fasting plasma glucose: American Diabetes Association, Standards of Care in Diabetes
        # 2024, sections 2 and 6 (hypoglycaemia under 70, prediabetes from 100, diabetes from 126).
        _bands((70, "low"), (100, "normal"), (126, "raised"), last="high"),
    ),
    Attribute(
        "disease",
        "Disease",
        Category.MEDICAL,
        rule=_lookup(DISEASE_GROUP_OF),
        **_one_of(DISEASE_GROUP_OF),
    ),
    Attribute(
        "wearable_pedometer",
        "Wearable Pedometer",
        Category.SENSOR,
        _DIGITS,
        "steps in the last hour, 0 to 999",
        _bands((1, "still"), (250, "low"), (500, "medium"), last="high"),
    ),
    Attribute(
        "presence_sensor", "Presence Sensor", Category.SENSOR, r"[a-z][a-z -]*", "a room, or out"
    ),
    Attribute(
        "temperature_sensor",
        "Temperature Sensor",
        Category.SENSOR,
        r"-?\d{1,2}",
        "a whole number of degrees Celsius",
        # Cold under 18: WHO Housing and Health Guidelines (2018). Hot over 26: CIBSE TM59 (2017).
        _bands((18, "cold"), (22, "mild"), (27, "warm"), last="hot"),
    ),
    Attribute(
        "light_sensor",
        "Light Sensor",
        Category.SENSOR,
        _DIGITS,
        "illuminance in lux, 0 to 999",
        _bands((10, "dark"), (150, "dim"), last="bright"),
    ),
    Attribute("window_sensor", "Window Sensor", Category.SENSOR, r"open|shut", "open or shut"),
    Attribute(
        "external_door_sensor",
        "External Door Sensor",
        Category.SENSOR,
        r"open|shut",
        "open or shut",
    ),
    Attribute(
        "energy_consumption",
        "Energy Consumption",
        Category.SENSOR,
        _DIGITS,
        "watt-hours in the last hour, 0 to 999",
        _bands((150, "low"), (400, "medium"), last="high"),
    ),
)

NAMES: tuple[str, ...] = tuple(a.name for a in ATTRIBUTES)
"""Column names in the order of Table I."""

_BY_NAME = {a.name: a for a in ATTRIBUTES}
_BY_LABEL = {re.sub(r"\W+", " ", a.label).casefold(): a for a in ATTRIBUTES}


def attribute(name: str) -> Attribute:
    """Look an attribute up by its column name or by its label in Table I.

    Raises
    ------
    InputError
        If there is no such attribute.
    """
    found = _BY_NAME.get(name) or _BY_LABEL.get(re.sub(r"\W+", " ", name).strip().casefold())
    if found is None:
        raise InputError(f"unknown attribute {name!r}; expected one of {', '.join(NAMES)}")
    return found


def in_words(name: str) -> str:
    """A name with underscores, an attribute's or a receiver's, as people write it."""
    return name.replace("_", " ")
