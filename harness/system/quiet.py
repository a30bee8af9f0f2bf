"""Warnings and remarks of dependencies, which users of this program cannot act on."""

import logging
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


@contextmanager
def exporter_quiet() -> Iterator[None]:
    """Without what torch's ONNX exporter says of its own code and of packages not needed here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def no_remarks() -> Iterator[None]:
    """Without what libraries log below an error, whichever logger they use."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
