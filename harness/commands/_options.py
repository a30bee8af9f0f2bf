"""Options that several commands have."""

from pathlib import Path

import click

data_root_option = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the datasets  [default: $HARNESS_DATA]",
)
