"""Structural similarity, in tiles that stay in the processor's cache."""

from collections.abc import Iterator
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
Border = Literal["replicate", "valid"]

RADIUS, SIGMA, K1, K2 = 5, 1.5, 0.01, 0.03
TILE_HEIGHT, TILE_WIDTH = 64, 256
BAND = 16
"""Outputs of one matrix product. Wider bands multiply more zeros, narrower ones make more calls;
products this small also stay on one thread in OpenBLAS, beside a network that uses all."""


def ssim(
    a: Float64Array,
    b: Float64Array,
    border: Border = "replicate",
    mean_b: Float64Array | None = None,
) -> float:
    """Structural similarity of two H x W arrays in [0, 1].

    Gaussian window 11x11, sigma 1.5, K = 0.01 and 0.03 (Wang et al., TIP 2004), population
    moments. ``border="replicate"`` is MATLAB's ``ssim``: the full map, borders replicated.

    Args:
        a: one image.
        b: the other.
        border: ``"valid"`` evaluates only windows that lie inside.
        mean_b: :func:`window_means` of ``b``, where it is known already.
    """
    if mean_b is None:
        mean_b = window_means(b, border)
    a, b = _extended(a, border), _extended(b, border)
    total = 0.0
    for rows, columns in _tiles(mean_b.shape):
        window = _reach(rows), _reach(columns)
        total += _similarity(a[window], b[window], mean_b[rows, columns])
    return total / mean_b.size


def window_means(image: Float64Array, border: Border = "replicate") -> Float64Array:
    """The mean of every window that :func:`ssim` looks at, one per value of its map."""
    extended = _extended(image, border)
    means = np.empty([n - 2 * RADIUS for n in extended.shape])
    for rows, columns in _tiles(means.shape):
        means[rows, columns] = _blur(extended[None, _reach(rows), _reach(columns)])[0]
    return means


def _similarity(a: Float64Array, b: Float64Array, mean_b: Float64Array) -> float:
    """The sum of a tile's map, from the tile and what its windows reach beyond it."""
    c1, c2 = K1**2, K2**2
    moments = np.empty((3, *a.shape))
    moments[0] = a
    # The sum of the squares is enough: the two variances occur only as their sum.
    np.multiply(a, a, out=moments[1])
    np.multiply(b, b, out=moments[2])
    moments[1] += moments[2]
    np.multiply(a, b, out=moments[2])
    mean_a, squares, covariance = _blur(moments)
    product = mean_a * mean_b
    mean_a *= mean_a
    mean_a += mean_b * mean_b
    covariance -= product
    covariance *= 2
    covariance += c2
    squares -= mean_a
    squares += c2
    product *= 2
    product += c1
    product *= covariance
    mean_a += c1
    mean_a *= squares
    product /= mean_a
    return float(product.sum())


def _blur(planes: Float64Array) -> Float64Array:
    """Window means of n x (h + 10) x (w + 10) planes: n x h x w."""
    n, height, width = planes.shape[0], *(size - 2 * RADIUS for size in planes.shape[1:])
    rows = np.empty((n, height, width + 2 * RADIUS))
    for band in _parts(height, BAND):
        np.matmul(_window(band.stop - band.start), planes[:, _reach(band)], out=rows[:, band])
    flat, means = rows.reshape(n * height, -1), np.empty((n * height, width))
    for band in _parts(width, BAND):
        np.matmul(flat[:, _reach(band)], _window(band.stop - band.start).T, out=means[:, band])
    return means.reshape(n, height, width)


@cache
def _window(n: int) -> Float64Array:
    """The n x (n + 10) matrix that takes n windows' means along one axis."""
    taps = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    taps /= taps.sum()
    matrix = np.zeros((n, n + 2 * RADIUS))
    for row in range(n):
        matrix[row, row : row + len(taps)] = taps
    return matrix


def _extended(image: Float64Array, border: Border) -> Float64Array:
    return np.pad(image, RADIUS, mode="edge") if border == "replicate" else image


def _tiles(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    for rows in _parts(shape[0], TILE_HEIGHT):
        for columns in _parts(shape[1], TILE_WIDTH):
            yield rows, columns


def _parts(length: int, size: int) -> Iterator[slice]:
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))


def _reach(part: slice) -> slice:
    """Where the windows of a part's outputs lie in the extended image."""
    return slice(part.start, part.stop + 2 * RADIUS)
