"""The training log: one CSV row per logged step, continued exactly after a resume."""

import csv
from io import StringIO
from pathlib import Path

from harness.errors import ConfigError
from harness.system.files import read_regular, write_atomically

FIELDS = (
    "step",
    "lr_factor",
    "loss",
    "loss_2x",
    "loss_4x",
    "loss_8x",
    "grad_norm",
    "images_per_s",
    "input_share",
    "wall_s",
    "val_psnr_2x",
    "val_psnr_4x",
    "val_psnr_8x",
)
"""Columns.

``lr_factor`` multiplies the recipe's peak rates. ``loss`` is the objective, averaged since the
last row; ``loss_2x`` and so on the mean Charbonnier error per pixel of the 2x, 4x and 8x outputs.
``grad_norm`` is taken before clipping. ``input_share`` is the part of the time spent waiting for
patches, ``wall_s`` seconds of training, those before a resume included, ``val_psnr`` in dB on
held-out training images with the averaged weights; empty where not measured.
"""

Row = dict[str, float | int | None]


class CsvLog:
    """Appends rows; opening it at a step drops the rows behind that step.

    Args:
        path: the CSV file.
        step: the last step that counts, 0 to start afresh.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        rows = [row for row in read_log(path) if int(row["step"]) <= step] if step else []
        text = StringIO(newline="")
        writer = csv.DictWriter(text, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(path, text.getvalue())

    def append(self, row: Row) -> None:
        """Add a row; it is on its way to the disk when this returns."""
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, FIELDS).writerow(
                {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()}
            )


def read_log(path: Path) -> list[dict[str, str]]:
    """The rows of a log as strings; empty without a file; an unfinished last row is dropped.

    Raises:
        ConfigError: it is damaged in any other way; names the line.
    """
    try:
        content = read_regular(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    rows: list[dict[str, str]] = []
    number = 1
    # What stands behind the last end of a line was being written when the process died.
    lines = content[: content.rfind(b"\n") + 1].splitlines() or [b""]
    try:
        if lines[0].decode() != ",".join(FIELDS):
            raise ValueError("its columns are others")
        for line in lines[1:]:
            number += 1
            rows.append(_row(line.decode().split(",")))  # No value holds a comma or a quote.
    except ValueError as error:
        what = "it is no UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ConfigError(
            f"{path} is damaged in line {number}: {what}; remove it, and the training goes on "
            "without its earlier rows"
        ) from error
    return rows


def _row(cells: list[str]) -> dict[str, str]:
    if len(cells) != len(FIELDS):
        raise ValueError(f"{len(cells)} values where there are {len(FIELDS)} columns")
    row = dict(zip(FIELDS, cells, strict=True))
    step = row["step"]
    if not (step.isascii() and step.isdecimal() and len(step) <= 18):
        raise ValueError(f"its step is {step[:40]!a}")
    for name, value in row.items():
        if value:
            try:
                float(value)
            except ValueError:
                raise ValueError(f"its {name} is {value[:40]!a}, no number") from None
    return row
