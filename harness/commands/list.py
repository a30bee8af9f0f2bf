"""List what there is to choose from.

Variants and their weights, upsamplers and their options, datasets, protocols, metrics, backends,
and recipes of training.
"""

from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import catalog_option, data_root_option
from harness.system.text import plural, say


@click.command(cls=Command, help=__doc__, examples=("list",))
@catalog_option
@data_root_option
def command(data_root: Path | None) -> None:
    from harness.data.datasets import find_dataset, list_datasets
    from harness.errors import DataError
    from harness.metrics.protocol import PROTOCOLS
    from variants.catalog import catalogs_in_use, get_variant, list_catalogs, list_models
    from variants.outline import list_outlines
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
        elif variant.brings_weights:
            weights = "from outside, with its weights"
        say(f"  {name:<{wide}} {variant.label:<22} {weights}")
    for catalog in list_catalogs():
        if catalog not in catalogs_in_use():
            say(f"  and more: --catalog {catalog}")
    say()
    say("Upsamplers")
    for upsampler in list_outlines():
        say(f"  {upsampler.name:<18} {upsampler.summary}")
        if upsampler.options:
            say(f"  {'':<18} options: {', '.join(upsampler.options)}")
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
    say()
    _say_ways()


def _say_fastest() -> None:
    """What ``--backend auto`` is, where that has been measured."""
    from harness.backends import AUTO
    from harness.networks.fastest import measurements

    if not (known := measurements()):
        say(f"  {AUTO:<18} the fastest here, measured when it is first asked for")
    for one in known:
        had = one.conditions
        ways = [
            f"{name} {one.speedup(*name.split()):.2f}"
            for name, way in one.ways.items()
            if way.samples_ms
        ]
        say(
            f"  {AUTO:<18} {' '.join(one.fastest())} for {one.variant} {had.scale}x, "
            f"{had.hr_side}x{had.hr_side} HR pixels, {had.device_name}, "
            f"{plural(one.fastest_threads(), 'thread')}; speeds: {', '.join(ways)}"
        )


def _say_ways() -> None:
    """How networks are judged, executed and trained."""
    from harness.backends import DEFAULT_BACKEND, get_backend, list_backends
    from harness.metrics.registry import METRICS
    from harness.system.environment import package_version
    from harness.training.recipe import list_recipes, load_recipe

    say("Metrics")
    for metric in METRICS.values():
        better = "higher" if metric.higher_is_better else "lower"
        asked = f"; on request, extra {metric.extra}" if metric.extra else ""
        say(f"  {metric.key:<18} {metric.heading}, {better} is better{asked}")
    say()
    say("Backends")
    for name in list_backends():
        backend = get_backend(name)
        version = package_version(backend.package)
        installed = f"{backend.package} {version}"
        if version == "absent":
            extra = backend.extra or name
            installed = f"not installed: pip install 'cms-lapsrn-harness[{extra}]'"
        usual = ", the default" if name == DEFAULT_BACKEND else ""
        say(f"  {name:<18} on {' or '.join(backend.devices)}; {installed}{usual}")
    _say_fastest()
    say()
    say("Recipes")
    for name in list_recipes():
        say(f"  {name:<18} {load_recipe(name).summary}")
