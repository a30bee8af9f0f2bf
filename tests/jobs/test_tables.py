"""Table files against pandas, and that a finished run does without it."""

import math
import subprocess
import sys

import pandas as pd

from harness.jobs.tables import RecordTable

ROWS = [
    {"name": 'quote " and, comma', "figure": 0.1 + 0.2, "count": 3, "flag": True},
    {"name": "two\nlines", "figure": 1e-300, "count": None, "flag": False},
    {"name": "caf\xe9", "figure": math.nan, "flag": None},
    {"name": "", "figure": math.inf, "count": 12345678901234567890},
]
COLUMNS = ["name", "figure", "count", "flag"]


def test_files_are_what_pandas_writes() -> None:
    expected = pd.DataFrame(ROWS, columns=COLUMNS, dtype=object)
    assert RecordTable(ROWS, COLUMNS).csv() == expected.to_csv(index=False, lineterminator="\n")


def test_columns_of_numbers_are_numbers() -> None:
    rows = [{"figure": 0.5, "count": 3}, {"figure": math.nan, "count": 4}]
    frame = RecordTable(rows, ["figure", "count"]).frame()
    assert [kind.kind for kind in frame.dtypes] == ["f", "i"]


def test_storing_records_needs_no_pandas() -> None:
    code = "import sys, harness.running; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
