"""The registry's facts agree with the other places that state them."""

import csv
from collections import Counter
from importlib.resources import files

from harness.data.datasets import list_datasets
from harness.data.sources import all_sources


def test_the_bicubic_rows_are_those_of_the_reports_table() -> None:
    text = files("harness.report").joinpath("paper_table1.csv").read_text("utf-8")
    table = {
        (row["dataset"], int(row["scale"])): (float(row["psnr"]), float(row["ssim"]))
        for row in csv.DictReader(text.splitlines())
        if row["model"] == "Bicubic"
    }
    registered = {
        (info.name, scale): tuple(figures)
        for info in list_datasets()
        for scale, figures in info.bicubic.items()
    }
    assert registered == table


def test_as_many_files_are_pinned_as_a_complete_copy_has() -> None:
    pinned = Counter(source.dataset for source in all_sources())
    for info in list_datasets():
        if info.name in pinned:
            assert pinned[info.name] == info.n_images
            assert f"data fetch {info.name}" in info.how_to_get
