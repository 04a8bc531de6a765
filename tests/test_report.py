"""What `reproduce` writes is whole: each figure in both forms, each claim, no broken link."""

import json
import re

import aalprivacy
from aalprivacy.report import write_report


def test_the_report(tmp_path, idle_probes):
    told = []
    written = write_report(
        tmp_path, told.append, entries=40, known=100, targets=50, updates=20, attackers_updates=2
    )  # fmt: skip
    assert sorted(written) == sorted(tmp_path.iterdir())
    assert told
    names = {path.name for path in written}
    for number in range(1, 7):
        assert {f"figure-{number}.png", f"figure-{number}.svg"} <= names
    assert {"table-1.svg", "mismatch.svg", "report.html", "results.md", "examples.txt"} <= names
    for receiver in aalprivacy.shipped_receivers():
        assert f"learning.{receiver}.svg" in names
    page = (tmp_path / "report.html").read_text()
    pictures = re.findall(r'src="([^"]+)"', page)
    assert set(pictures) == {name for name in names if name.endswith(".svg")}
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    assert page.count('<td class="verdict">') == 16
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["researcher"]["unseen"]["entries"] == 40
    svg = (tmp_path / "figure-1.svg").read_text()
    assert "forget" in svg  # text stays text
    assert "<dc:date>" not in svg
