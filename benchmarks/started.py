"""Attacks by the owner of the old pair on a pair that was started from it.

Usage: ``python benchmarks/started.py FOLDER``. The folder holds a pair trained with ``train
--start-from doctor`` (`make started`). Its codes are attacked with the doctor's pair, without known
entries and with some. The findings are kept in ``aalprivacy/studies``.
"""

import json
import sys
from pathlib import Path

from aalprivacy import audit, homes, report
from aalprivacy.atomic import write_text
from aalprivacy.audit import LinearMap, Statistics, Translation, WrongKey
from aalprivacy.pair import load_pair
from aalprivacy.progress import console

OWN = "doctor"
HOW = {"known": 10_000, "targets": 1000, "updates": 2000}


def main() -> None:
    victim, own = load_pair(sys.argv[1]), load_pair(OWN)
    case = audit.Case(victim, **homes.audit_tables(HOW["known"], HOW["targets"]))
    findings = []
    for attack in (
        WrongKey({OWN: own}),
        LinearMap(own, OWN),
        Statistics(own, OWN),
        Translation(own, OWN, updates=HOW["updates"]),
    ):
        console().print(type(attack).__name__)
        findings += attack.run(case)
    about = {"edition": audit.EDITION, **HOW, "encoder": victim.fingerprint,
             "others": {OWN: own.fingerprint}, "findings": audit.to_rows(findings)}  # fmt: skip
    path = report.studies_folder() / f"{report.STARTED}{report.AUDIT}"
    write_text(json.dumps({Path(sys.argv[1]).name: about}, indent=1) + "\n", path)


if __name__ == "__main__":
    main()
