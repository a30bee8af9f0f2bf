"""Commands whose help has options in groups, examples and exit codes."""

from collections.abc import Callable, Iterable
from typing import Any

import click


class Command(click.Command):
    """A command.

    Args:
        failure: when it ends with 1; empty where it never does.
        examples: command lines, without ``python -m harness``.
        attributes: as click takes them.
    """

    def __init__(
        self, *, failure: str = "", examples: Iterable[str] = (), **attributes: Any
    ) -> None:
        super().__init__(**attributes)
        self.failure, self.examples = failure, tuple(examples)
        self.groups: dict[str, list[click.Parameter]] = {}

    def add_group(self, heading: str, *options: Callable[[Any], Any]) -> None:
        """Options that the help shows together, in this order."""
        n_before = len(self.params)
        for option in options:
            option(self)
        self.groups[heading] = self.params[n_before:]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        grouped = [parameter for group in self.groups.values() for parameter in group]
        others = [p for p in self.get_params(ctx) if p not in grouped]
        for heading, parameters in {**self.groups, "Options": others}.items():
            rows = [row for p in parameters if (row := p.get_help_record(ctx)) is not None]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    # Not wrapped: a line is to be copied.
                    formatter.write(f"{'':{formatter.current_indent}}python -m harness {example}\n")
        codes = [("0", "Done.")]
        codes += [("1", f"{self.failure[0].upper()}{self.failure[1:]}.")] if self.failure else []
        codes += [
            ("2", "Bad input or data; one sentence says what to do."),
            ("130, 143", "Interrupted by Ctrl-C, or by SIGTERM; what was finished is kept."),
        ]
        with formatter.section("Exit codes"):
            formatter.write_dl(codes)
        super().format_epilog(ctx, formatter)
