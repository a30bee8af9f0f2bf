"""Options that several commands have."""

from pathlib import Path

import click


def _use_catalogs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> None:
    from variants.catalog import use_catalogs

    use_catalogs(values)


# Eager: the other options may name what is in it.
catalog_option = click.option(
    "--catalog",
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_use_catalogs,
    metavar="NAME|FILE.yaml",
    help="More variants: zoo, or a file like variants/catalog.yaml; repeatable.",
)

data_root_option = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the datasets  [default: $HARNESS_DATA]",
)
