"""Put finished trainings into the shipped weights.

Takes DIR and every folder in it that holds a finished training, whatever else is still running,
and may be run again at any time: entries of the same variant and scales are replaced.
"""

from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import catalog_option
from harness.system.text import say


@click.command(
    cls=Command,
    help=__doc__,
    examples=("ship runs/train",),
)
@catalog_option
@click.argument("runs", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    help="Folder of weights  [default: that of the package `variants`]",
)
def command(runs: Path, into: Path | None) -> None:
    from harness.training.log import read_log
    from harness.training.ship import LOGS, ship
    from variants.catalog import SCALES
    from variants.weights.store import weights_dir

    into = into or weights_dir()
    for name in ship(runs, into):
        row = read_log(into / LOGS / f"{Path(name).stem}.csv")[-1]
        scores = ", ".join(
            f"{scale}x {row[f'val_psnr_{scale}x']} dB"
            for scale in SCALES
            if row[f"val_psnr_{scale}x"]
        )
        say(f"{name}: {scores}")
