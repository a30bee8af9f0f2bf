"""List variants, datasets, protocols and weights."""

from pathlib import Path

import click

from harness.commands._options import data_root_option
from harness.system.text import say


@click.command(help=__doc__)
@data_root_option
def command(data_root: Path | None) -> None:
    from harness.data.datasets import find_dataset, list_datasets
    from harness.errors import DataError
    from harness.metrics.protocol import PROTOCOLS
    from variants.catalog import get_variant, list_models
    from variants.weights.store import find_shipped

    say("Variants")
    for name in list_models():
        variant = get_variant(name)
        scales = [scale for scale in (2, 4, 8) if find_shipped(name, scale)]
        weights = "weights for " + ", ".join(f"{s}x" for s in scales) if scales else "no weights"
        if not variant.has_network:
            weights = "needs no weights"
        say(f"  {name:<18} {variant.label:<22} {weights}")
    say()
    say("Datasets")
    for info in list_datasets():
        try:
            dataset = find_dataset(info.name, data_root)
        except DataError:
            where = "not found"
        else:
            where = f"{dataset.counted} in {dataset.folder}"
        say(f"  {info.name:<18} {info.role:<9} {info.n_images:>4} images  {where}")
    say()
    say("Protocols")
    for protocol in PROTOCOLS.values():
        say(f"  {protocol.name:<18} {protocol.summary}")
