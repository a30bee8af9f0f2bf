"""Leave out the weakest channels of a trained network.

The result is weights of the same variant with fewer channels, `ms-lapsrn[width=48]` of ms-lapsrn,
whose output is that of the whole network with the other channels at zero. It wants training:
`train --variant 'ms-lapsrn[width=48]' --init FILE`.
"""

from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import (
    catalog_option,
    scale_option,
    weights_option,
    weights_out_option,
)
from harness.system.text import say


@click.command(
    cls=Command,
    help=__doc__,
    examples=("prune ms-lapsrn --ratio 0.25 -o w48.safetensors",),
)
@catalog_option
@click.argument("name")
@click.option("--ratio", type=float, required=True, help="Of the channels, that go: 0.25 of 64.")
@scale_option("For LapSRN, which has a network per scale.")
@weights_option
@weights_out_option
def command(name: str, ratio: float, scale: str | None, weights: Path | None, out: Path) -> None:
    from harness.errors import ConfigError, ResultsError
    from harness.networks.weights import WeightsFile, resolve_weights
    from variants.catalog import SCALES, get_variant
    from variants.factory import create_model
    from variants.prune import prune
    from variants.weights.files import save_weights

    variant = get_variant(name)
    if not variant.has_network or variant.brings_weights:
        raise ConfigError(f"{name} is no network of the catalogs that has channels to prune")
    if variant.per_scale_weights and scale is None:
        raise ConfigError(f"{name} has a network for each scale: say which with --scale")
    built_for = int(scale) if scale and variant.per_scale_weights else max(SCALES)
    model = create_model(name, built_for, pretrained=weights or True)
    brought = [] if weights is None else [WeightsFile(variant=variant.name, path=weights)]
    (source,) = resolve_weights(variant, built_for, brought)
    pruned = prune(model, variant, ratio)
    before, after = (sum(p.numel() for p in m.parameters()) for m in (model, pruned.model))
    whose = f"{variant.name} (SHA-256 {str(source.sha256)[:8]})"
    told = {"origin": f"pruned from {whose}, not trained since", "pruned_from": whose}
    try:
        save_weights(pruned.model, out, pruned.variant, built_for, told)
    except OSError as error:
        raise ResultsError(f"cannot write {out}: {error.strerror or error}") from error
    say(
        f"{out}: {pruned.variant.name}, {after:,} of {before:,} parameters. Train it: train "
        f"--variant '{pruned.variant.name}' --init {out}"
    )
