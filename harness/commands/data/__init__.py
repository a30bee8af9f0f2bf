"""List, check and fetch datasets."""

from harness.commands._folder import CommandFolder

command = CommandFolder(__name__, help=__doc__)
