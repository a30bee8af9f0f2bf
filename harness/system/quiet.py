"""Deprecation warnings of dependencies, which users of this program cannot act on."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_torchscript_warnings() -> Iterator[None]:
    """Without torch's warnings that TorchScript will go, which fvcore and OpenVINO still use.

    Every other warning is shown as ever.
    """
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning):
            warnings.filterwarnings("ignore", r"(?s).*torch\.jit\b", category)
        yield
