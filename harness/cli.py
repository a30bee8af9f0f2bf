"""The command line: finds the command, and turns errors into sentences and exit codes."""

import io
import os
import signal
import sys
from typing import Any

import click

from harness import __version__
from harness.commands._folder import CommandFolder
from harness.errors import HarnessError, is_for_want_of_memory
from harness.system.interrupts import interrupt, interrupts
from harness.system.malloc import ask_for_large_pages
from harness.system.text import printable, say
from variants.errors import VariantError

RESUMING = ("run", "train", "data fetch")

EXIT_BAD_INPUT = 2
LONGEST_MESSAGE = 1900
"""Characters of an error that are printed; one that names every tensor of a network may be long."""
EXIT_SIGNAL = 128
EXIT_INTERRUPTED = EXIT_SIGNAL + signal.SIGINT
EXIT_TERMINATED = EXIT_SIGNAL + signal.SIGTERM
OUT_OF_MEMORY = (
    "Error: out of memory. What was finished is kept; close other programs, or ask for less at "
    "once, such as fewer --workers."
)


@click.group(
    cls=CommandFolder,
    package="harness.commands",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="harness")
def cli() -> None:
    """What does an upsampler cost, and what does it give?

    Measures parameters, MACs, latency, PSNR and SSIM of LapSRN-family super-resolution networks
    and compares them with each other and with the paper.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run and exit: 0 done, 1 a job or gate failed, 2 bad input.

    An interrupt gives 130 (Ctrl-C, SIGINT) or 143 (SIGTERM).
    """
    given = sys.argv[1:] if arguments is None else arguments
    ask_for_large_pages()
    with interrupts(last=arguments is None):
        try:
            code = _run(given)
        except (Exception, KeyboardInterrupt) as error:
            if not (interrupt() or isinstance(error, KeyboardInterrupt | click.Abort)):
                raise
            code = EXIT_INTERRUPTED
        if asked := interrupt():
            code = EXIT_SIGNAL + asked
    if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
        resumes = " ".join(given[:2]).startswith(RESUMING)
        going_on = "; the same command goes on from there" if resumes else ""
        say(f"Interrupted. What was finished is kept{going_on}.", err=True)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """The exit code of a command; interrupts pass through."""
    try:
        code: Any = cli.main(args=arguments, prog_name="harness", standalone_mode=False)
    except click.Abort:
        raise
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = EXIT_BAD_INPUT
    except click.ClickException as error:
        _say_usage(error)
        code = EXIT_BAD_INPUT
    except (HarnessError, VariantError) as error:
        say(f"Error: {_shortened(str(error))}", err=True)
        code = EXIT_BAD_INPUT
    except BrokenPipeError:
        # The reader of our output has gone (`harness list | head`): nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        say(f"Error: {_shortened(_sentence(error))}", err=True)
        code = EXIT_BAD_INPUT
    except (MemoryError, ImportError, RuntimeError) as error:
        if not is_for_want_of_memory(error):
            raise
        say(OUT_OF_MEMORY, err=True)
        code = EXIT_BAD_INPUT
    return code if isinstance(code, int) else 0


def _shortened(message: str) -> str:
    """The ends of a message that repeats a very long value."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    half = LONGEST_MESSAGE // 2
    return f"{message[:half]} ... {message[-half:]}"


def _sentence(error: OSError) -> str:
    """What the system refused, where: of errors that nothing nearer to them has explained."""
    names = (error.filename, error.filename2)
    where = " and ".join(os.fsdecode(name) for name in names if isinstance(name, str | bytes))
    what = error.strerror or str(error) or type(error).__name__
    return f"{where}: {what}" if where else what


def _say_usage(error: click.ClickException) -> None:
    """What click says of an error, whatever characters the arguments have."""
    vars(error)["message"] = printable(error.message)  # All kinds of it print this.
    text = io.StringIO()
    error.show(file=text)
    say(text.getvalue().rstrip("\n"), err=True, lines=True)
