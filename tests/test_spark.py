"""The code of the page about Spark, on a Spark of this machine, where there is one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from aalprivacy import load_pair, simulate
from aalprivacy.tables import write_table

PAGE = Path(__file__).parent.parent / "docs" / "spark.md"


@pytest.mark.slow
def test_spark_makes_the_views_of_the_pair(tmp_path):
    pytest.importorskip("pyspark", reason="no Spark here (pip install pyspark)")
    if shutil.which("java") is None:
        pytest.skip("no Java on this machine, and Spark needs it")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    entries = simulate(30, 4, seed=5)
    write_table(entries, tmp_path / "entries.parquet")
    spark = "--master local[2] --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2"
    # the workers run elsewhere and must find the same package
    path = os.pathsep.join(filter(None, sys.path))
    settings = {"PYSPARK_SUBMIT_ARGS": f"{spark} pyspark-shell", "SPARK_LOCAL_IP": "127.0.0.1",
                "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": path}  # fmt: skip

    def run_page():
        return subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | settings,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    done = run_page()
    assert done.returncode == 0, done.stderr[-3000:]
    pair = load_pair("researcher")
    expected = pair.decode_views(pair.encode_entries(entries))
    expected.insert(0, "user_id", entries["user_id"].to_numpy())
    order = list(expected)
    made = pd.read_parquet(tmp_path / "views").astype({"user_id": expected["user_id"].dtype})
    assert list(made) == order
    made, expected = (views.sort_values(order, ignore_index=True) for views in (made, expected))
    pd.testing.assert_frame_equal(made, expected, check_dtype=False)
    codes = pd.read_parquet(tmp_path / "codes")
    assert len(codes) == len(entries)
    assert {len(code) for code in codes["code"]} == {pair.architecture.width}

    # a bad value ends the job, and the last line says where
    shutil.rmtree(tmp_path / "codes")
    entries.loc[7, "age"] = "old"
    write_table(entries, tmp_path / "entries.parquet")
    done = run_page()
    assert done.returncode != 0
    assert done.stderr.endswith("InputError: row 7, age: expected an age in years, got 'old'\n")
