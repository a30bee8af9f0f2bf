"""Import the authors' released networks: MatConvNet DagNN files (``.mat``).

MatConvNet stores filters as height x width x in x out and computes correlations, as torch does;
its transposed convolution is the adjoint with filters height x width x out x in. So one
permutation, (3, 2, 0, 1), serves both.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from variants.errors import WeightsError
from variants.weights.kinds import kind_of

_COMPRESSED = 15
"""The type of an element of a ``.mat`` file that holds a compressed one."""

Params = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class DagNN:
    """What a file holds.

    Attributes:
        params: name to array, filters height x width x in x out.
        scale: 2, 4 or 8 for a LapSRN (its number of levels tells), None for other networks.
        recursions: R of an MS-LapSRN (its layers' names tell), None for other networks.
    """

    params: Params
    scale: int | None
    recursions: int | None


def read_dagnn(path: Path) -> DagNN:
    """Read a DagNN file.

    Raises:
        WeightsError: the file is missing, no ``.mat`` file, or holds something else.
    """
    from scipy.io import loadmat

    kind_of(path)
    _check_readable(path)
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
        raise WeightsError(f"{path} is not a readable .mat file: {what}") from error
    try:
        net = content["net"][0, 0]
        values = {str(p.name[0]): p.value for p in net.params.ravel()}
        layers = [str(layer.name[0]) for layer in np.ravel(getattr(net, "layers", []))]
    except (KeyError, AttributeError, IndexError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path} holds no MatConvNet DagNN (a struct `net` with `params`); "
            f"it has: {_variables(path)}"
        ) from error
    params = {name: _numbers(name, value, path) for name, value in values.items()}
    return DagNN(params, _lapsrn_scale(params), _recursions(layers))


_LONGEST_S = 8
"""A megabyte takes milliseconds; some damage makes the reader run without end."""

_PROBE = (
    # If this process is killed, the alarm ends the other one.
    f"import signal, sys; getattr(signal, 'alarm', int)({2 * _LONGEST_S}); "
    "from scipy.io import loadmat; loadmat(sys.argv[1], variable_names=['net'])"
)


def _check_readable(path: Path) -> None:
    """Refuse a damaged file that would take this process down with it.

    scipy's reader ends in segmentation faults on some. Compressed variables, which MATLAB writes,
    have a checksum that it compares first; others are tried in a process of their own.
    """
    with path.open("rb") as file:
        file.seek(128)
        if int.from_bytes(file.read(4), "little") == _COMPRESSED:
            return
    command = [sys.executable, "-c", _PROBE, str(path)]
    try:
        ended = subprocess.run(  # noqa: S603  our own line of Python; the path is an argument.
            command, capture_output=True, timeout=_LONGEST_S, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        ended = -1
    if ended < 0:
        raise WeightsError(
            f"{path} is not a readable .mat file: it is damaged (reading it crashes or takes more "
            f"than {_LONGEST_S} s)"
        )


def _variables(path: Path) -> str:
    """Names of all variables of a file, the first few."""
    from scipy.io import whosmat

    try:
        names = [ascii(name)[1:40] for name, _, _ in whosmat(path)]
    except Exception:  # scipy raises many types on damaged files.
        names = []
    return ", ".join(name.rstrip("'") for name in names[:8]) or "no variable"


def _numbers(name: str, value: Any, path: Path) -> NDArray[np.float32]:
    """A parameter's array; real floating-point numbers of up to four dimensions."""
    problem = None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "f":
        kind = getattr(value, "dtype", type(value).__name__)
        problem = f"is {kind}, not floating-point weights"
    elif value.ndim > 4:
        problem = f"has {value.ndim} dimensions where filters have 4"
    if problem:
        raise WeightsError(f"{path}: its parameter {ascii(name)[:60]} {problem}")
    with np.errstate(over="ignore"):  # What becomes infinite is refused later.
        return np.asarray(value, dtype=np.float32)


def _recursions(layers: Iterable[str]) -> int | None:
    numbers = [int(m[1]) for name in layers if (m := re.search(r"level\d+_R(\d+)_", name))]
    return max(numbers, default=None)


def _lapsrn_scale(params: Params) -> int | None:
    levels = {int(m[1]) for name in params if (m := re.match(r"level(\d+)_upconv_f$", name))}
    return {1: 2, 2: 4, 3: 8}.get(len(levels))


def to_state_dict(params: Params, path: Path) -> dict[str, Tensor]:
    """Tensors under the names of :class:`LapSRN` or :class:`MSLapSRN`, whichever the file holds.

    Raises:
        WeightsError: a parameter whose name neither network has.
    """
    n_levels = len({m[1] for name in params if (m := re.match(r"level(\d+)_", name))})
    tensors = {}
    unknown = []
    for name, value in params.items():
        target = _target(name, n_levels)
        if target is None:
            unknown.append(name)
        else:
            tensors[target] = _tensor(name, value)
    if unknown or not tensors:
        names = ", ".join(ascii(name)[1:-1][:40] for name in unknown[:8])
        what = f"unknown parameters {names}" if unknown else "no parameters"
        raise WeightsError(f"{path} is no LapSRN or MS-LapSRN network: {what}")
    return tensors


def _target(name: str, n_levels: int) -> str | None:
    match = re.fullmatch(r"(?:level(\d+)_)?(\w+?)_([fb])", name)
    if match is None:
        return None
    level, module, part = match[1], match[2], {"f": "weight", "b": "bias"}[match[3]]
    if module == "input_conv" and level is None:
        return f"conv_in.{part}"
    # The authors number levels from the output: the first one of a 4x network is level 2.
    prefix = "" if level is None else f"levels.{n_levels - int(level)}."
    if conv := re.fullmatch(r"conv(\d+)", module):
        return f"{prefix}convs.{int(conv[1]) - 1}.{part}"
    names = {
        "upconv": "upsampler",
        "residual_conv": "conv_out",
        "img_up": "image_upsampler" if level is None else "image_up",
    }
    return f"{prefix}{names[module]}.{part}" if module in names else None


def _tensor(name: str, value: Any) -> Tensor:
    if name.endswith("_b"):
        return torch.from_numpy(value.reshape(-1).copy())
    # MATLAB drops trailing dimensions of size one.
    filters = value.reshape(value.shape + (1,) * (4 - value.ndim))
    return torch.from_numpy(np.ascontiguousarray(filters.transpose(3, 2, 0, 1)))
