"""Export a network to ONNX or ncnn, checked against torch.

Input `y`: N x 1 x H x W luma in [0, 1]; output `sr`: N x 1 x sH x sW; N, H and W are free. ncnn
takes one image at a time, and two files: FILE.param, and FILE.bin beside it.
"""

from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import any_scale_option, catalog_option, weights_option
from harness.networks.export import FORMATS, TOLERANCE, export
from harness.system.text import say


@click.command(
    cls=Command,
    help=__doc__,
    examples=(
        "export --variant cms-lapsrn-conv3 --scale 4 -o x4.onnx",
        "export --variant cms-lapsrn-conv3 --scale 4 --format ncnn -o x4.param",
    ),
)
@catalog_option
@click.option("--variant", required=True, help="A variant with a network.")
@any_scale_option("Of the exported network.", required=True)
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(FORMATS)),
    default="onnx",
    show_default=True,
    help="Of the file; each needs the extra of its name.",
)
@weights_option
@click.option(
    "--fold", is_flag=True, help="Make one of the last upsampler and the residual convolution."
)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="File to write.")
def command(
    variant: str, scale: int, kind: str, weights: Path | None, fold: bool, out: Path
) -> None:
    from harness.errors import ConfigError, ResultsError
    from variants.catalog import get_variant
    from variants.factory import create_model

    chosen = get_variant(variant)
    if not chosen.has_network:
        raise ConfigError(f"{variant} has no network to export")
    model = create_model(variant, scale, pretrained=weights or True)
    if fold:
        from variants.fold import fold as folded

        model = folded(model)
    try:
        difference = export(model, out, kind)
    except OSError as error:
        raise ResultsError(f"cannot write {out}: {error.strerror}") from error
    say(
        f"{out}: {variant} {scale}x, largest difference to torch {difference:.1g} of luma in "
        f"[0, 1] (allowed: {TOLERANCE:g})"
    )
