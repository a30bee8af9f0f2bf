"""A command called in this process."""

import click
from click.testing import CliRunner, Result


def invoke(command: click.Command, *arguments: object) -> Result:
    """What the command printed, and as ``return_value`` its exit code; its errors are raised."""
    # Not standalone: a returned number is the exit code, as harness.cli has it.
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
