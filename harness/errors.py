"""Errors for people: one sentence that says what was wrong, where, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class HarnessError(Exception):
    """Something that the user can mend; the command line prints it without a traceback."""


class DataError(HarnessError):
    """A dataset or an image is missing, damaged or unusable."""


class ConfigError(HarnessError):
    """An option or a configuration file asks for something that does not exist or fit."""


class ResultsError(HarnessError):
    """A results folder cannot be read, written or locked."""


@contextmanager
def about(what: object) -> Iterator[None]:
    """Put what a :class:`DataError` is about, such as an image's path, in front of its sentence."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{what}: {error}") from error
