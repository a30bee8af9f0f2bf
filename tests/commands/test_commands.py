"""Commands are discovered automatically, and each says what it does in a line."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from harness import commands
from harness.backends import list_backends
from harness.cli import cli, main
from harness.commands.list import command as list_command
from harness.commands.run import LATENCY_AXES
from harness.commands.run import command as run
from harness.data.datasets import list_datasets
from harness.jobs.config import RunConfig
from harness.jobs.latency.models import LatencyConfig
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.registry import METRICS
from harness.training.recipe import list_recipes
from tests.commands.invoke import invoke
from variants.catalog import list_models
from variants.outline import list_outlines
from variants.registry import get_upsampler, list_upsamplers, options_of

NEW = '''"""Say hello to the world.

And nothing else.
"""

import click

@click.command(help=__doc__)
def command():
    click.echo("hello")
'''


def test_a_command_is_one_file(tmp_path: Path) -> None:
    """Dropped into the folder (here a second one of the package), it runs and is in the help."""
    (tmp_path / "say_hello.py").write_text(NEW)
    code = (
        "import harness.commands, harness.cli\n"
        f"harness.commands.__path__.append({str(tmp_path)!r})\n"
        "harness.cli.main()\n"
    )

    def harness(*arguments: str) -> str:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert harness("say-hello") == "hello\n"
    assert "say-hello       Say hello to the world.\n" in harness("--help")


def groups() -> list[click.Group]:
    context = click.Context(cli)
    found = [cli.get_command(context, name) for name in cli.list_commands(context)]
    return [cli, *(command for command in found if isinstance(command, click.Group))]


@pytest.mark.parametrize("group", groups(), ids=lambda group: str(group.name))
def test_the_line_in_the_help_is_a_whole_sentence(group: click.Group) -> None:
    context = click.Context(group)
    names = group.list_commands(context)
    assert len(names) >= 4
    text = group.get_help(context)
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        assert isinstance(command.help, str)
        first = command.help.partition("\n")[0]
        assert first.endswith(".")
        assert re.search(rf"  {name} +{re.escape(first)}\n", text + "\n")


def test_the_help_imports_no_command() -> None:
    code = (
        "import sys; from harness.cli import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "assert 'harness.commands.run' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_file_is_a_command() -> None:
    folder = Path(commands.__file__).parent
    files = {path.stem for path in folder.iterdir() if not path.stem.startswith("_")}
    assert {name.replace("-", "_") for name in cli.list_commands(click.Context(cli))} == files


def test_every_field_of_a_configuration_is_an_option_of_run() -> None:
    """And the default that the help tells is the field's."""
    fields = {**RunConfig.model_fields, **{k: LatencyConfig.model_fields[k] for k in LATENCY_AXES}}
    options = {parameter.name: parameter for parameter in run.params}
    # What a file or --set says: axes, sizes of costs, and how long latency is measured.
    assert set(fields) - set(options) == {"axes", "cost", "latency"}
    assert set(options) - set(fields) == {"config_file", "settings", "fresh", "dry_run"}
    told = {
        name: match[1]
        for name, option in options.items()
        if isinstance(option, click.Option)
        and (match := re.search(r"\[default: ([\w./-]+)\]", option.help or ""))
    }
    in_words = {"only": "all", "report": "RESULTS/report"}
    for name, text in told.items():
        default = fields[name].default
        values = default if isinstance(default, tuple) else (default,)
        assert text == in_words.get(name, ",".join(map(str, values))), name
    assert len(told) >= 10


def test_an_error_repeats_a_very_long_value_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--dry-run", "--weights", "x" * 20_000])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "NAME=FILE" in said
    assert len(said) < 5000


def test_the_list_shows_all_that_there_is_to_choose_from() -> None:
    text = invoke(list_command).output
    for name in [
        *list_models(),
        *(info.name for info in list_datasets()),
        *(*PROTOCOLS, *METRICS, *list_backends(), *list_recipes(), *list_upsamplers()),
    ]:
        assert re.search(rf"^  {re.escape(name)} ", text, re.MULTILINE), name


def test_upsamplers_are_described_as_they_are_registered() -> None:
    """The list reads them from their files, to import no torch."""
    outlines = {outline.name: outline for outline in list_outlines()}
    assert list(outlines) == list_upsamplers()
    for name, outline in outlines.items():
        cls = get_upsampler(name)
        assert (cls.__doc__ or "").startswith(outline.summary)
        own = "__init__" in vars(cls)
        options = [option.partition("=")[0] for option in outline.options]
        assert options == (options_of(cls) if own else [])
