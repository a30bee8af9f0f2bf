"""How commands are found."""

import difflib
import pkgutil
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click


class CommandFolder(click.Group):
    """The commands in a package's folder: the ``command`` of each module whose name has no ``_``
    in front. A package there is a command with commands.

    A module's docstring is the help of its command, and the docstring's first line that in the list
    of commands: read from the file, so that the list imports none of them.

    Args:
        package: such as ``harness.commands``.
        attributes: of the group, as click takes them.
    """

    def __init__(self, package: str, **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        modules = pkgutil.iter_modules(import_module(self.package).__path__)
        names = (module.name.replace("_", "-") for module in modules)
        return sorted(name for name in names if not name.startswith("-"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(self._module(cmd_name)).command
        return command

    def _module(self, name: str) -> str:
        return f"{self.package}.{name.replace('-', '_')}"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._line(name)) for name in self.list_commands(ctx)])

    def _line(self, name: str) -> str:
        module = self._module(name)
        loader: Any = getattr(find_spec(module), "loader", None)
        source: str = loader.get_source(module)
        return source.partition("\n")[0].strip('"')

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(known)}."
            ctx.fail(f"no such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)
