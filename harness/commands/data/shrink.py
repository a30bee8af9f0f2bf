"""Write the LR images of a dataset as 8-bit PNG.

Another program can upscale these, and `harness score` then judges the outcome. They are those
of the protocol python_y; matlab_y has them before rounding, which no 8-bit file can hold.
"""

import sys
from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import data_root_option, scale_option
from harness.system.text import printable, say

EXIT_FAILED = 1


@click.command(
    cls=Command,
    help=__doc__,
    failure="an image could not be shrunk; the others are written",
    examples=("data shrink Set5 --scale 4 -o lr",),
)
@click.argument("dataset", metavar="NAME|NAME=DIR")
@scale_option("What the images are shrunk by.", required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder to write into.",
)
@data_root_option
def command(dataset: str, scale: str, out: Path, data_root: Path | None) -> int:
    from tqdm import tqdm

    from harness.data.datasets import open_dataset
    from harness.data.shrink import write_lr
    from harness.errors import ResultsError

    hr = open_dataset(dataset, data_root)
    with tqdm(total=len(hr.images), leave=False, disable=not sys.stderr.isatty()) as bar:
        try:
            failures = write_lr(hr, int(scale), out, bar.update)
        except OSError as error:
            raise ResultsError(f"cannot write into {out}: {error.strerror or error}") from error
    for failure in failures:
        say(f"Failed: {printable(failure)}", err=True)
    n_written = len(hr.images) - len(failures)
    of = f" of {len(hr.images)}" if failures else ""
    say(f"{n_written}{of} images of {hr.name}, shrunk {scale} times, in {printable(out)}")
    return EXIT_FAILED if failures else 0
