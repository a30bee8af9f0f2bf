"""The paper's Table 1 and what it takes for a measurement of ours to be comparable with it."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from harness.metrics.registry import PSNR, SSIM, Metric

PROTOCOL = "matlab_y"
"""The protocol under which the paper's bicubic rows come out to the printed digit."""

DATASET_IMAGES = {"Set5": 5, "Set14": 14, "BSDS100": 100, "Urban100": 100, "Manga109": 109}
"""The paper's datasets in its order, and how many images each has."""

METRICS = {metric.key: metric for metric in (PSNR, SSIM)}
"""What Table 1 prints, whatever else is measured."""

BICUBIC_ROW = "Bicubic"

Mark = Literal["reproduced", "above", "below", "not measured"]
MARKS: Mapping[Mark, str] = {
    "reproduced": "\u2713",
    "above": "\u25b2",
    "below": "\u25bc",
    "not measured": "\u2013",
}


@dataclass(frozen=True)
class PaperCell:
    """One model, scale and dataset of Table 1: mean PSNR in dB and mean SSIM, as printed."""

    model: str
    scale: int
    dataset: str
    psnr_y: float
    ssim_y: float

    def value(self, metric: Metric) -> float:
        """The printed figure of a metric."""
        return {"psnr_y": self.psnr_y, "ssim_y": self.ssim_y}[metric.key]


@cache
def paper_table() -> Mapping[tuple[str, int, str], PaperCell]:
    """Table 1 by (model, scale, dataset), in its order."""
    text = files("harness.report").joinpath("paper_table1.csv").read_text("utf-8")
    cells = [
        PaperCell(
            model=row["model"],
            scale=int(row["scale"]),
            dataset=row["dataset"],
            psnr_y=float(row["psnr"]),
            ssim_y=float(row["ssim"]),
        )
        for row in csv.DictReader(text.splitlines())
    ]
    return {(cell.model, cell.scale, cell.dataset): cell for cell in cells}


def printed_digits(metric: Metric) -> int:
    """After the point, in the paper; ours where it does not print the metric."""
    return metric.digits if metric.paper_digits is None else metric.paper_digits


def mark(ours: float, theirs: float, tolerance: float | None) -> Mark:
    """Where a value stands against the paper's; both bounds belong to *reproduced*."""
    # A difference of printed decimals carries rounding noise far below any tolerance.
    if abs(ours - theirs) <= (tolerance or 0.0) + 1e-9:
        return "reproduced"
    return "above" if ours > theirs else "below"


def equals_printed(ours: float, theirs: float, digits: int) -> bool:
    """Whether a value rounds to the printed one, either way where it lies on the boundary."""
    return abs(ours - theirs) <= 0.5 * 10.0**-digits + 1e-9
