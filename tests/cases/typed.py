"""What a user writes, for `make types`: the package's types reach them. It is never run."""

from typing import assert_type

import pandas as pd

from aalprivacy import TABLE_I, Pair, Policy, Schema, apply_policy, load_pair, simulate

entries = simulate(n_users=3, entries_per_user=1, seed=42)
pair = load_pair("researcher")
assert_type(pair, Pair)
assert_type(entries, pd.DataFrame)
assert_type(apply_policy(entries, TABLE_I, "doctor"), pd.DataFrame)
assert_type(pair.view_lines(entries), "pd.Series")
assert_type(TABLE_I, Policy)
assert_type(pair.schema, Schema)
pair.decode("a line")  # type: ignore[arg-type]
