"""Check that copies of datasets are those of the paper.

Says of each (all by default) where it was found, how many images of how many, which files
differ from the pinned public ones, and whether bicubic interpolation gives the paper's figures
on it. Exits with 1 if a copy is incomplete or its baseline differs, or if a named one is
missing.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands._command import Command
from harness.commands._options import data_root_option
from harness.commands.data._texts import counted, where_found
from harness.system.text import say

if TYPE_CHECKING:
    from harness.data.datasets import Dataset, DatasetInfo

EXIT_FAILED = 1


@click.command(
    cls=Command,
    help=__doc__,
    failure="a copy is incomplete or its baseline differs, or a named one is missing",
    examples=("data check Set5 Set14",),
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@data_root_option
@click.option("--baseline/--no-baseline", default=True, help="Measure bicubic interpolation too.")
def command(names: tuple[str, ...], data_root: Path | None, baseline: bool) -> int:
    from harness.data.datasets import find_dataset, get_info, list_datasets
    from harness.errors import DataError

    good = True
    for info in [get_info(name) for name in names] or list_datasets():
        try:
            dataset = find_dataset(info.name, data_root)
        except DataError as error:
            say(f"{info.name}: MISSING. {error}")
            good = good and not names
            continue
        say(f"{info.name}: {where_found(dataset)}")
        try:
            good = _check(dataset, info, baseline) and good
        except DataError as error:
            say(f"    BAD: {error}")
            good = False
    return 0 if good else EXIT_FAILED


def _check(dataset: "Dataset", info: "DatasetInfo", baseline: bool) -> bool:
    from tqdm import tqdm

    from harness.data.check import check_baseline, check_bytes
    from harness.data.sources import all_sources

    sources = [source for source in all_sources() if source.dataset == info.name]
    if sources:
        found = check_bytes(dataset, sources)
        if not found.differing and not found.absent:
            say(f"    files: all {found.identical} identical to the pinned public ones")
        else:
            say(
                f"    files: {found.identical} of {len(sources)} identical to the pinned public "
                f"ones; {counted(found.differing, 'differs', 'differ')} in bytes (which another "
                "encoding of the same pixels does too)"
            )
    if not dataset.complete:
        more = len(dataset.images) > info.n_images
        verdict = "OTHER FILES lie there, too" if more else "INCOMPLETE"
        say(f"    {verdict}: {info.n_images} images were expected. {_how(info)}")
        return False
    if not info.bicubic or not baseline:
        return True
    steps = len(dataset.images) * len(info.bicubic)
    with tqdm(total=steps, leave=False, disable=not sys.stderr.isatty()) as bar:
        rows = check_baseline(dataset, info, on_image=bar.update)
    for row in rows:
        paper = f"DIFFERS from the paper's {row.paper_psnr:.2f} dB, {row.paper_ssim:.3f}"
        verdict = "as in the paper" if row.agrees else paper
        say(f"    bicubic {row.scale}x: {row.psnr_y:.2f} dB, {row.ssim_y:.3f}, {verdict}")
    if not all(row.agrees for row in rows):
        say(f"    This is not the dataset of the paper's figures. {_how(info)}")
        return False
    return True


def _how(info: "DatasetInfo") -> str:
    return f"To get it: {info.how_to_get}."
