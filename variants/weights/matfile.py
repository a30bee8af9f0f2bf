"""Reads a MatConvNet file as a script: ``python matfile.py FILE BYTES SECONDS``.

scipy's reader of ``.mat`` files ends in segmentation faults, or does not end, on files that are
damaged or made for it; a checksum, which compressed variables have, is no guard against the latter.
So a process of its own reads them, with bounds on memory and time, and hands over plain arrays.
"""

import json
import sys
from contextlib import suppress
from math import ceil
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLD = "told"
"""What the answer has besides arrays: JSON, as bytes."""
OUT_OF_MEMORY = 9
"""Exit code."""


def read(path: Path) -> dict[str, NDArray[Any]]:
    """What a file holds, for :func:`numpy.savez`.

    Returns:
        ``TOLD``, a JSON object: ``problem``, a sentence's end, alone if the file cannot be used;
        else ``params``, the names of the arrays "0", "1", ..., and ``layers``, names. The arrays
        are float32, of up to four dimensions.
    """
    from scipy.io import loadmat

    try:
        # In MATLAB's types: a bias of whole numbers is stored as integers to save room.
        content = loadmat(
            path,
            mat_dtype=True,
            struct_as_record=False,
            squeeze_me=False,
            variable_names=["net"],
        )
    except MemoryError:
        raise
    except Exception as error:  # scipy raises many types on damaged files.
        what = " ".join(str(error).split())[:160] or type(error).__name__
        return _told(problem=f" is not a readable .mat file: {what}")
    try:
        net = content["net"][0, 0]
        values = {str(p.name[0]): p.value for p in net.params.ravel()}
        layers = [str(layer.name[0]) for layer in np.ravel(getattr(net, "layers", []))]
    except (KeyError, AttributeError, IndexError, TypeError, ValueError):
        return _told(
            problem=" holds no MatConvNet DagNN (a struct `net` with `params`); "
            f"it has: {_variables(path)}"
        )
    for name, value in values.items():
        if problem := _oddity(value):
            return _told(problem=f": its parameter {ascii(name)[:60]} {problem}")
    with np.errstate(over="ignore"):  # What becomes infinite is refused later.
        arrays = {str(i): np.asarray(v, np.float32) for i, v in enumerate(values.values())}
    return {**arrays, **_told(params=list(values), layers=layers)}


def _told(**what: Any) -> dict[str, NDArray[Any]]:
    return {TOLD: np.frombuffer(json.dumps(what).encode(), np.uint8)}


def _variables(path: Path) -> str:
    """Names of all variables of a file, the first few."""
    from scipy.io import whosmat

    try:
        names = [ascii(name)[1:40] for name, _, _ in whosmat(path)]
    except Exception:  # scipy raises many types on damaged files.
        names = []
    return ", ".join(name.rstrip("'") for name in names[:8]) or "no variable"


def _oddity(value: Any) -> str | None:
    """Why a parameter is no array of real floating-point numbers of up to four dimensions."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "f":
        kind = getattr(value, "dtype", type(value).__name__)
        return f"is {kind}, not floating-point weights"
    if value.ndim > 4:
        return f"has {value.ndim} dimensions where filters have 4"
    return None


def main(path: str, most_bytes: str, longest_s: str) -> int:
    """Write the answer to standard output, within bounds where the system has them.

    Returns:
        The exit code.
    """
    import scipy.io  # noqa: F401  its time is no file's.

    with suppress(ImportError, ValueError, OSError):  # Windows; a lower limit than this.
        from resource import RLIMIT_CPU, RLIMIT_DATA, setrlimit

        setrlimit(RLIMIT_CPU, (end := ceil(process_time()) + int(longest_s), end))
        setrlimit(RLIMIT_DATA, (int(most_bytes), int(most_bytes)))
    try:
        np.savez(sys.stdout.buffer, **read(Path(path)))  # type: ignore[arg-type]
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
