"""Write the LR images of a dataset, for another program to upscale.

Each protocol has its own folder in DIR: DIR/matlab_y holds float32 TIFF, neither rounded nor
clipped, with 0 black and 1 white; DIR/python_y and DIR/python_rgb hold 8-bit PNG. A note beside
them, lr.json, says what they are; `harness score --lr FOLDER` reads it and judges the outcome by
the same protocol.
"""

import shlex
import sys
from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import any_scale_option, data_root_option
from harness.metrics.protocol import PROTOCOLS, get_protocol
from harness.system.text import printable, say

EXIT_FAILED = 1


@click.command(
    cls=Command,
    help=__doc__,
    failure="an image could not be shrunk; the others are written",
    examples=("data shrink Set5 --scale 4 -o lr",),
)
@click.argument("dataset", metavar="NAME|NAME=DIR")
@any_scale_option("What the images are shrunk by.", required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder to write into.",
)
@click.option(
    "--protocol",
    "protocols",
    default=",".join(PROTOCOLS),
    show_default=True,
    metavar="NAMES",
    help="Whose LR images to write.",
)
@data_root_option
def command(dataset: str, scale: int, out: Path, protocols: str, data_root: Path | None) -> int:
    from tqdm import tqdm

    from harness.data.datasets import open_dataset
    from harness.data.shrink import write_lr
    from harness.errors import ResultsError

    chosen = [get_protocol(name.strip()) for name in protocols.split(",")]
    hr, failed = open_dataset(dataset, data_root), False
    for protocol in chosen:
        folder = out / protocol.name
        with tqdm(total=len(hr.images), leave=False, disable=not sys.stderr.isatty()) as bar:
            try:
                failures = write_lr(hr, scale, protocol, folder, bar.update)
            except OSError as error:
                reason = error.strerror or error
                raise ResultsError(f"cannot write into {folder}: {reason}") from error
        for failure in failures:
            say(f"Failed: {printable(failure)}", err=True)
        n_written = len(hr.images) - len(failures)
        of = f" of {len(hr.images)}" if failures else ""
        say(f"{n_written}{of} images of {hr.name}, shrunk {scale} times, in {printable(folder)}")
        again = shlex.join(["--dataset", dataset, "--scale", str(scale), "--lr", str(folder)])
        say(printable(f"  then: harness score SR_DIR --name NAME {again}"))
        failed = failed or bool(failures)
    return EXIT_FAILED if failed else 0
