"""Make `entries.csv`: 300 visits of 150 invented patients, two each.

Usage: ``python examples/clinic/make_entries.py``; the seed gives the same file each time.
"""

import csv
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent

WORDS = {
    "female": "ada beth clara dora edith freya greta hilda ines jana kara lena mona nora",
    "male": "abel boris carl david emil felix georg hugo ivan jonas karl leo max nils",
    "family": "alder ash bell birch brook castle cole dale drew elm farrow field fisher ford "
    "frost gale grove hart heath hill holt kerr lake lane marsh mill moor north oakes parr penn "
    "pike rowe shaw stone thorn vale ward wells wood",
    "town": "ashford brayton colwick denby elmton farley",
}
WORDS = {kind: words.split() for kind, words in WORDS.items()}
STREETS = ["mill lane", "church road", "high street", "park road", "bridge street"]
NOTES = [
    "new tablets, twice a day", "sleeps badly", "call again in 2 weeks", "pain after meals",
    "walks with a stick", "feels better", "blood test booked", "-",
]  # fmt: skip
DIAGNOSES = [line.split(";")[0] for line in (FOLDER / "diagnosis.csv").read_text().splitlines()]


def visits(number: int, rng: np.random.Generator) -> list[list]:
    """Two visits of one patient, whose name, home and phone stay the same."""
    sex = str(rng.choice(["female", "male"]))
    age, diagnosis = int(rng.integers(4, 95)), rng.choice(DIAGNOSES)
    person = [
        f"p{number:03}", f"{rng.choice(WORDS[sex])} {rng.choice(WORDS['family'])}", age, sex,
        f"{rng.integers(1, 99)} {rng.choice(STREETS)} {rng.choice(WORDS['town'])}",
        f"0{rng.integers(10**8):08}",
    ]  # fmt: skip
    insurance = rng.choice(["public", "private", "none"], p=[0.7, 0.2, 0.1])
    return [
        [
            *person,
            f"2024{rng.integers(1, 13):02}{rng.integers(1, 29):02} "
            f"{rng.integers(8, 18):02}{rng.choice(['00', '15', '30', '45'])}",
            f"{rng.normal(37, 0.8):.1f}" if rng.random() < 0.95 else "-",
            int(rng.normal(76, 12)),
            f"{int(rng.normal(118 + age / 4, 14))}-{int(rng.normal(76, 9))}",
            diagnosis,
            insurance,
            rng.choice(NOTES),
        ]
        for _ in range(2)
    ]


def main() -> None:
    rng = np.random.default_rng(1)
    head = ["patient_id", "patient", "age", "sex", "home", "phone", "visited", "temperature",
            "pulse", "blood_pressure", "diagnosis", "insurance", "note"]  # fmt: skip
    with (FOLDER / "entries.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for number in range(150):
            writer.writerows(visits(number, rng))


if __name__ == "__main__":
    main()
