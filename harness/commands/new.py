"""Write a first upsampler, metric or network of your own.

Beside it a test of what all of its kind must hold. Both work as they are written:
`--plugin NAME.py` takes the file into use, and `python -m pytest test_NAME.py` tests it.
"""

import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

import click

from harness.commands._command import Command
from harness.system.text import say

KINDS = ("upsampler", "metric", "network")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")


@click.command(
    cls=Command,
    help=__doc__,
    examples=("new upsampler my-upsampler", "new metric my-error", "new network my-net -o nets"),
)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "-o",
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder of the files  [default: the working folder]",
)
def command(kind: str, name: str, folder: Path) -> None:
    from harness.errors import ConfigError, ResultsError
    from harness.system.files import write_atomically

    _check(kind, name)
    module = name.replace("-", "_")
    words = {
        "name": name,
        "key": module,
        "module": module,
        "cls": "".join(word.capitalize() for word in module.split("_")),
    }
    templates = files("harness.commands") / "_templates"
    targets = {
        folder / f"{before}{module}.py": templates / f"{before}{kind}.py.txt"
        for before in ("", "test_")
    }
    for path in targets:
        if path.exists():
            raise ConfigError(f"{path} is there already; choose another name, or remove it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, template in targets.items():
            text = Template(template.read_text("utf-8")).substitute(words)
            write_atomically(path, text.encode())
    except OSError as error:
        raise ResultsError(f"cannot write into {folder}: {error.strerror}") from error
    file, test = targets
    say(f"{file}: python -m harness run --plugin {file} takes it into use")
    say(f"{test}: python -m pytest {test} tests it")


def _check(kind: str, name: str) -> None:
    """ConfigError if something of the kind has the name, or a file called so would hide another."""
    from harness.errors import ConfigError
    from harness.metrics.registry import METRICS
    from variants.catalog import known_models
    from variants.registry import UPSAMPLERS

    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"a name is lower-case words of letters and digits with - between, such as my-{kind}, "
            f"not {name!r:.100}"
        )
    taken = {"metric": [*METRICS], "network": known_models()}
    taken["upsampler"] = [*UPSAMPLERS.known(), *known_models()]
    if name in taken[kind] or name.replace("-", "_") in taken[kind]:
        raise ConfigError(f"{name} is there already; choose another name")
    if find_spec(name.replace("-", "_")) is not None:
        raise ConfigError(
            f"a Python module is called {name.replace('-', '_')}, and a file of that name would "
            "hide it; choose another name"
        )
