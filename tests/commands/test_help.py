"""Each command's help: every option explained, what exit codes mean, examples that exist."""

import shlex

import click
import pytest

from harness.cli import cli
from harness.commands._command import Command
from harness.commands.run import command as run


def commands(group: click.Group = cli, *before: str) -> list[tuple[str, click.Command]]:
    context, found = click.Context(group), []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += commands(command, *before, name)
        else:
            found.append((" ".join([*before, name]), command))
    return found


ALL = commands()
each = pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])


@each
def test_each_option_has_help(name: str, command: click.Command) -> None:
    bare = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
    assert not bare


@each
def test_exit_codes_are_told(name: str, command: click.Command) -> None:
    text = command.get_help(click.Context(command, info_name=name))
    codes = text.partition("Exit codes:")[2]
    assert [code in codes for code in ("0 ", "2 ", "130, 143")] == [True] * 3
    assert isinstance(command, Command)
    assert ("  1 " in codes) is bool(command.failure)


@each
def test_examples_can_be_given(name: str, command: click.Command) -> None:
    """As far as click can tell without running them; the help shows each on one line."""
    assert isinstance(command, Command)
    assert command.examples
    for example in command.examples:
        words = shlex.split(example)[len(name.split()) :]
        assert example.startswith(name)
        command.make_context(name, words)
        assert f"python -m harness {example}\n" in command.get_help(click.Context(command)) + "\n"


def test_options_of_run_are_in_groups_in_reading_order() -> None:
    text = run.get_help(click.Context(run))
    order = ["--variants", "--scales", "--only", "--datasets", "--weights", "--device", "--batch"]
    order += ["--results", "--config", "--dry-run"]
    places = [text.index(f"  {option} ") for option in order]
    assert places == sorted(places)
    assert isinstance(run, Command)
    assert all(f"{heading}:\n" in text for heading in run.groups)
    grouped = [parameter for group in run.groups.values() for parameter in group]
    assert grouped == run.params
