"""List all known datasets, where they are and on what terms."""

from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import data_root_option
from harness.commands.data._texts import where_found
from harness.system.text import say


@click.command(
    cls=Command,
    help=__doc__,
    examples=("data list",),
)
@data_root_option
def command(data_root: Path | None) -> None:
    from harness.data.datasets import find_dataset, list_datasets
    from harness.errors import DataError

    for info in list_datasets():
        try:
            where = where_found(find_dataset(info.name, data_root))
        except DataError:
            where = f"not found; to get it: {info.how_to_get}"
        aliases = f" (or {', '.join(info.aliases)})" if info.aliases else ""
        say(f"{info.name}{aliases}: {info.role}, {info.n_images} images, {info.source}")
        say(f"    {where}")
        say(f"    terms: {info.terms}")
