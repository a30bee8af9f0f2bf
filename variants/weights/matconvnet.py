"""Import the authors' released networks: MatConvNet DagNN files (``.mat``).

MatConvNet stores filters as height x width x in x out and computes correlations, as torch does;
its transposed convolution is the adjoint with filters height x width x out x in. So one
permutation, (3, 2, 0, 1), serves both.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from variants.errors import WeightsError
from variants.weights.kinds import kind_of
from variants.weights.matfile import OUT_OF_MEMORY, TOLD

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
    kind_of(path)
    with np.load(BytesIO(_read_apart(path)), allow_pickle=False) as answer:
        told = json.loads(answer[TOLD].tobytes())
        if problem := told.get("problem"):
            raise WeightsError(f"{path}{problem}")
        params = {name: answer[str(number)] for number, name in enumerate(told["params"])}
    return DagNN(params, _lapsrn_scale(params), _recursions(told["layers"]))


_LONGEST_S = 5
"""Of a processor's time. A megabyte takes milliseconds; some damage keeps the reader for ever."""
_PATIENCE_S = 60
"""By the clock, if the system has no such bound."""
_MOST_BYTES = 2**30
"""Of memory. A network takes some megabytes; a small file can claim any number."""


def _read_apart(path: Path) -> bytes:
    """What ``matfile.py`` says of a file that may take down the process that reads it."""
    script = Path(__file__).with_name("matfile.py")
    words = [sys.executable, "-P", str(script), str(path.absolute())]
    words += [str(_MOST_BYTES), str(_LONGEST_S)]
    # Each thread of its linear algebra, of which nothing is used, reserves memory.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    try:
        child = subprocess.run(  # noqa: S603  our own script; the path is an argument.
            words, capture_output=True, timeout=_PATIENCE_S, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        child = None
    if child is None or child.returncode < 0 or child.returncode == OUT_OF_MEMORY:
        raise WeightsError(
            f"{path} is not a readable .mat file: it is damaged (reading it crashes, or takes more "
            f"than {_LONGEST_S} s or {_MOST_BYTES >> 30} GiB of memory)"
        )
    if child.returncode:
        last = child.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise WeightsError(f"cannot read {path}: its reader ended with {last[:300]!a}")
    return child.stdout


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
