"""Convert weights of other programs.

FILE (MatConvNet .mat, torch .pth/.pt state dict, .safetensors) becomes OUT.safetensors. Which
network the weights belong to is checked, as far as FILE says it, and recorded in OUT. Files are
read without running any code in them.
"""

from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import catalog_option, scale_option, weights_out_option
from harness.system.text import say


@click.command(
    cls=Command,
    help=__doc__,
    examples=("import-weights MSLapSRN_D5R2.mat --variant ms-lapsrn -o d5r2.safetensors",),
)
@catalog_option
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--variant", required=True, help="The network that the weights are for.")
@scale_option("For LapSRN, unless FILE says.")
@weights_out_option
def command(file: Path, variant: str, scale: str | None, out: Path) -> None:
    from harness.errors import ResultsError
    from variants.catalog import get_variant
    from variants.weights.foreign import import_weights

    chosen = get_variant(variant)
    try:
        imported = import_weights(file, chosen, int(scale) if scale else None, out)
    except OSError as error:
        raise ResultsError(f"cannot write {out}: {error.strerror or error}") from error
    if imported["notes"]:
        say(f"Note: {imported['notes']}", err=True)
    say(f"{out}: {imported['variant']} for {imported['scales']}x, {imported['origin']}")
