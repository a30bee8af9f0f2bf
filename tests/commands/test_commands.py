"""Commands are found by being there, and each says what it does in a line."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from harness import commands
from harness.cli import cli

NEW = '''
import click

@click.command()
def command():
    """Say hello to the world."""
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
        assert f"  {name} " in text
        assert first in text


def test_every_file_is_a_command() -> None:
    folder = Path(commands.__file__).parent
    files = {path.stem for path in folder.iterdir() if not path.stem.startswith("_")}
    assert {name.replace("-", "_") for name in cli.list_commands(click.Context(cli))} == files
