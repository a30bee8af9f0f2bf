"""What commands share: how they are found, and an option."""

import difflib
import pkgutil
from importlib import import_module
from pathlib import Path

import click

data_root_option = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the datasets  [default: $HARNESS_DATA]",
)


class CommandFolder(click.Group):
    """The commands in a package's folder: the ``command`` of each module whose name has no ``_``
    in front. A package there is a command with commands.

    The first sentence of a command's docstring is its line in the help, so it is short. Modules
    import what is heavy only where they use it: the help imports all of them.

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
        module = import_module(f"{self.package}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(known)}."
            ctx.fail(f"no such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)
