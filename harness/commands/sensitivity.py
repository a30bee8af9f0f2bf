"""How much PSNR each layer of a network loses in int8.

Quantises one layer at a time with ONNX Runtime (extra `onnx`); all else stays in float32. With
`run --backend onnxruntime --dtype 'int8[float32=LAYER+...]'` those stay in float32 that you name.
Choose them on images that no table of yours is about.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands._command import Command
from harness.commands._options import catalog_option, data_root_option, scale_option, weights_option
from harness.system.text import markdown_table, number, plural, printable, say, signed

if TYPE_CHECKING:
    import pandas as pd

BACKEND = "onnxruntime"


@click.command(
    cls=Command,
    help=__doc__,
    examples=(
        "sensitivity cms-lapsrn-conv3 --scale 4",
        "sensitivity ms-lapsrn --scale 2 --dataset Set5 -o layers.csv",
    ),
)
@catalog_option
@click.argument("name")
@scale_option("Of the network.", default="4", show_default=True)
@weights_option
@click.option(
    "--dataset",
    default="calibration",
    show_default=True,
    help="Name or folder of the images; `calibration` are those that ranges are taken from.",
)
@data_root_option
@click.option("--limit", type=click.IntRange(1), help="Only the first images.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="CSV file to write, unrounded.")
def command(
    name: str,
    scale: str,
    weights: Path | None,
    dataset: str,
    data_root: Path | None,
    limit: int | None,
    out: Path | None,
) -> None:
    from harness.backends import require_exportable, require_installed
    from harness.errors import ConfigError, ResultsError
    from harness.system.files import write_atomically
    from variants import create_model, get_variant

    if not get_variant(name).has_network:
        raise ConfigError(f"{name} has no network to quantise")
    require_installed(BACKEND)
    model = create_model(name, int(scale), pretrained=weights or True)
    pyramid = require_exportable(model, "ONNX Runtime")

    from harness.sensitivity import measure

    table = measure(
        pyramid,
        dataset,
        data_root=data_root,
        limit=limit,
        progress=sys.stderr.isatty(),
    )
    if out is not None:
        table.insert(0, "scale", pyramid.scale)
        table.insert(0, "variant", get_variant(name).name)
        try:
            write_atomically(out, table.to_csv(index=False))
        except OSError as error:
            raise ResultsError(f"cannot write {out}: {error.strerror or error}") from error
    say(_shown(table), lines=True)


def _shown(table: "pd.DataFrame") -> str:
    first = table.iloc[0]
    images = f"{plural(int(first['n_images']), 'image')} of {printable(first['dataset'])}"
    heading = f"Mean PSNR of luma on {images}; the feature branch as a file.\n\n"
    cells = [("In int8", "PSNR in dB", "Loss in dB", "kB")]
    cells += [
        (
            row["name"],
            number(row["psnr_y"], 3),
            signed(row["loss_db"], 3),
            number(row["bytes"] / 1e3, 0),
        )
        for _, row in table.iterrows()
    ]
    return heading + markdown_table(cells, left=1)
