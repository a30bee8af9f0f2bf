"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.jobs.executors import list_executors
from variants.outside import LARGEST_SCALE

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _use_catalogs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> None:
    from variants.catalog import use_catalogs

    use_catalogs(values)


def _use_plugins(_: click.Context, __: click.Parameter, values: tuple[Path, ...]) -> None:
    from harness.system.plugins import use_plugins

    use_plugins(values)


# Eager: the other options may name what is in it.
_plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_use_plugins,
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="Executes a Python file that registers upsamplers, networks, metrics and more, with all "
    "your rights: use none that you would not run; repeatable, before --catalog.",
)
_catalog_option = click.option(
    "--catalog",
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_use_catalogs,
    metavar="NAME|FILE.yaml",
    help="More variants: zoo, or a file like variants/catalog.yaml; repeatable.",
)


def catalog_option(command: Decorated) -> Decorated:
    """``--plugin`` and ``--catalog``: where more variants come from."""
    return _plugin_option(_catalog_option(command))


data_root_option = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the datasets  [default: $HARNESS_DATA]",
)

weights_option = click.option(
    "--weights", type=click.Path(path_type=Path), help="File  [default: the shipped ones]"
)

weights_out_option = click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="File to write, .safetensors.",
)

executor_option = click.option(
    "--executor",
    metavar="NAME[:ADDRESS]",
    help=f"Of {','.join(list_executors())}: this machine or a cluster  [default: local]",
)


def scale_option(meaning: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    """``--scale``, as text.

    Args:
        meaning: what it is the scale of; the help.
        attributes: further ones of :func:`click.option`, such as ``required``.
    """
    return click.option("--scale", type=click.Choice(["2", "4", "8"]), help=meaning, **attributes)


def any_scale_option(meaning: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    """``--scale`` where networks from outside have others than ours, as a whole number."""
    return click.option(
        "--scale", type=click.IntRange(2, LARGEST_SCALE), metavar="N", help=meaning, **attributes
    )
