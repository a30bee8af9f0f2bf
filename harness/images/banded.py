"""Linear maps along one axis in which an output reads but a few neighbouring inputs.

Such a map is a band matrix. It is cut into small dense blocks, each for some outputs and the range
of inputs that they read: their zeros cost BLAS less than anything else costs to avoid them, and
neither axis of an image needs to be brought to the front.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]

LARGEST_PRODUCT = 2**18
"""Multiplications up to which OpenBLAS uses one thread, which leaves the others to a network.
"""
_ALL = (slice(None),)


@dataclass(frozen=True)
class Band:
    """A dense block of a band matrix.

    Attributes:
        outputs: its rows.
        inputs: its columns.
        matrix: their values.
        transposed: the same, contiguous as its transpose: BLAS reads the other order at half speed.
    """

    outputs: slice
    inputs: slice
    matrix: Float64Array
    transposed: Float64Array


def make_bands(
    indices: NDArray[np.intp], weights: Float64Array, outputs_per_band: int
) -> tuple[Band, ...]:
    """Cut a map into blocks.

    Args:
        indices: which inputs each output reads, n_out x taps; an input may occur twice.
        weights: and with which weight, n_out x taps.
        outputs_per_band: wider bands multiply more zeros, narrower ones make more calls.
    """
    bands = []
    for start in range(0, len(indices), outputs_per_band):
        outputs = slice(start, min(start + outputs_per_band, len(indices)))
        read = indices[outputs]
        inputs = slice(int(read.min()), int(read.max()) + 1)
        matrix = np.zeros((len(read), inputs.stop - inputs.start))
        np.add.at(matrix, (np.arange(len(read))[:, None], read - inputs.start), weights[outputs])
        bands.append(Band(outputs, inputs, matrix, np.ascontiguousarray(matrix.T)))
    return tuple(bands)


def along_rows(bands: Sequence[Band], x: Float64Array, origin: int = 0) -> Float64Array:
    """Map the second axis of planes.

    Args:
        bands: neighbours.
        x: n x H x W.
        origin: which input the first row of ``x`` is.

    Returns:
        n x h x W: the outputs of these bands.
    """
    start = bands[0].outputs.start
    out = np.empty((len(x), bands[-1].outputs.stop - start, x.shape[2]))
    for band in bands:
        source = x[:, _moved(band.inputs, origin)]
        target = out[:, _moved(band.outputs, start)]
        for part in _parts(x.shape[2], band):
            np.matmul(band.matrix, source[..., part], out=target[..., part])
    return out


def along_columns(bands: Sequence[Band], x: Float64Array, origin: int = 0) -> Float64Array:
    """Map the third axis of planes: as :func:`along_rows`, n x H x W to n x H x w."""
    start = bands[0].outputs.start
    rows = x.reshape(-1, x.shape[2])
    out = np.empty((len(rows), bands[-1].outputs.stop - start))
    for band in bands:
        source = rows[:, _moved(band.inputs, origin)]
        target = out[:, _moved(band.outputs, start)]
        for part in _parts(len(rows), band):
            np.matmul(source[part], band.transposed, out=target[part])
    return out.reshape(*x.shape[:2], -1)


def _parts(n: int, band: Band) -> Sequence[slice]:
    """Rows or columns by which a product stays on one thread."""
    step = max(1, LARGEST_PRODUCT // band.matrix.size)
    if step >= n:
        return _ALL
    return [slice(start, start + step) for start in range(0, n, step)]


def _moved(part: slice, origin: int) -> slice:
    return slice(part.start - origin, part.stop - origin)
