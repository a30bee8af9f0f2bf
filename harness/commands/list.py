"""List variants, upsamplers, datasets, protocols and weights."""

from pathlib import Path

import click

from harness.commands._options import catalog_option, data_root_option
from harness.system.text import say


@click.command(help=__doc__)
@catalog_option
@data_root_option
def command(data_root: Path | None) -> None:
    from harness.data.datasets import find_dataset, list_datasets
    from harness.errors import DataError
    from harness.metrics.protocol import PROTOCOLS
    from variants.catalog import (
        catalogs_in_use,
        get_variant,
        list_catalogs,
        list_models,
        upsampler_summaries,
    )
    from variants.weights.store import find_shipped

    say("Variants")
    chosen = [get_variant(name) for name in list_models()]
    wide = max(18, *(len(variant.name) for variant in chosen))
    for variant in chosen:
        name = variant.name
        scales = [scale for scale in (2, 4, 8) if find_shipped(name, scale)]
        weights = "weights for " + ", ".join(f"{s}x" for s in scales) if scales else "no weights"
        if not variant.has_network:
            weights = "needs no weights"
        say(f"  {name:<{wide}} {variant.label:<22} {weights}")
    for catalog in list_catalogs():
        if catalog not in catalogs_in_use():
            say(f"  and more: --catalog {catalog}")
    say()
    say("Upsamplers")
    for name, summary in upsampler_summaries().items():
        say(f"  {name:<18} {summary}")
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
