"""Errors for people: one sentence that says what was wrong, where, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

_NO_MEMORY = ("allocate memory", "out of memory", "can't start new thread")


class HarnessError(Exception):
    """Something that the user can mend; the command line prints it without a traceback."""


class DataError(HarnessError):
    """A dataset or an image is missing, damaged or unusable."""


class ConfigError(HarnessError):
    """An option or a configuration file asks for something that does not exist or fit."""


class ResultsError(HarnessError):
    """A results folder cannot be read, written or locked."""


def is_for_want_of_memory(error: BaseException) -> bool:
    """Whether it says so in Python's words, the loader's of libraries, torch's or CUDA's."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in _NO_MEMORY)


@contextmanager
def about(what: object) -> Iterator[None]:
    """Put what a :class:`DataError` is about, such as an image's path, in front of its sentence."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{what}: {error}") from error
