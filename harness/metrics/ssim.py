"""Structural similarity, in tiles that stay in the processor's cache."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.images.banded import Band, along_columns, along_rows, make_bands
from harness.metrics.metric import Metric

Float64Array = NDArray[np.float64]
Border = Literal["replicate", "valid"]
Bands = tuple[Band, ...]

RADIUS, SIGMA, K1, K2 = 5, 1.5, 0.01, 0.03
BAND = 16
TILE_HEIGHT = TILE_WIDTH = 8 * BAND
"""Small enough for the cache; and products of a tile with a band are so small that OpenBLAS leaves
them on one thread, beside a network that uses all."""


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
    total = 0.0
    for rows, columns in _tiles(a.shape, border):
        window = _inputs(rows), _inputs(columns)
        tile = a[window], b[window], mean_b[_outputs(rows), _outputs(columns)]
        total += _similarity(*tile, rows, columns)
    return total / mean_b.size


def window_means(image: Float64Array, border: Border = "replicate") -> Float64Array:
    """The mean of every window that :func:`ssim` looks at, one per value of its map."""
    means = np.empty([_outputs(_window(n, border)).stop for n in image.shape])
    # One plane instead of three: tiles as large, in fewer calls.
    for rows, columns in _tiles(image.shape, border, 3 * TILE_WIDTH):
        planes = image[None, _inputs(rows), _inputs(columns)]
        means[_outputs(rows), _outputs(columns)] = _blur(planes, rows, columns)[0]
    return means


def _similarity(
    a: Float64Array, b: Float64Array, mean_b: Float64Array, rows: Bands, columns: Bands
) -> float:
    """The sum of a tile's map, from what its windows read and the means of ``b`` in them."""
    c1, c2 = K1**2, K2**2
    # Contiguous copies: arithmetic on windows into an image takes several times as long.
    moments, mean_b = np.empty((3, *a.shape)), mean_b.copy()
    moments[0], moments[2] = a, b
    a, squares, product = moments
    # The sum of the squares is enough: the two variances occur only as their sum.
    np.multiply(a, a, out=squares)
    squares += product * product
    product *= a
    mean_a, squares, covariance = _blur(moments, rows, columns)
    product = mean_a * mean_b
    mean_a *= mean_a
    mean_b *= mean_b
    mean_a += mean_b
    covariance -= product
    covariance += c2 / 2
    squares -= mean_a
    squares += c2
    product += c1 / 2
    product *= covariance
    mean_a += c1
    mean_a *= squares
    product /= mean_a
    return 4 * float(product.sum())


def _blur(planes: Float64Array, rows: Bands, columns: Bands) -> Float64Array:
    """Window means of n planes, of what the bands read."""
    blurred = along_rows(rows, planes, _inputs(rows).start)
    return along_columns(columns, blurred, _inputs(columns).start)


@lru_cache(maxsize=256)
def _window(n: int, border: Border) -> Bands:
    """The means of all windows along an axis of n pixels."""
    offsets = np.arange(-RADIUS, RADIUS + 1)
    taps = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    centres = np.arange(n) if border == "replicate" else np.arange(RADIUS, n - RADIUS)
    indices = np.clip(centres[:, None] + offsets, 0, n - 1)
    return make_bands(indices, np.broadcast_to(taps / taps.sum(), indices.shape), BAND)


def _tiles(
    shape: tuple[int, ...], border: Border, width: int = TILE_WIDTH
) -> Iterator[tuple[Bands, Bands]]:
    """The bands of every tile of the map, of its rows and of its columns."""
    all_rows, all_columns = (_window(n, border) for n in shape)
    for top in range(0, len(all_rows), TILE_HEIGHT // BAND):
        for left in range(0, len(all_columns), width // BAND):
            rows = all_rows[top : top + TILE_HEIGHT // BAND]
            yield rows, all_columns[left : left + width // BAND]


def _inputs(bands: Bands) -> slice:
    return slice(bands[0].inputs.start, bands[-1].inputs.stop)


def _outputs(bands: Bands) -> slice:
    return slice(bands[0].outputs.start, bands[-1].outputs.stop)


METRIC = Metric(
    "ssim_y",
    "SSIM",
    "",
    digits=4,
    compute=lambda pair: ssim(pair.sr_y, pair.hr_y, pair.protocol.ssim_border, pair.hr_means),
    tolerance=0.002,
    paper_digits=3,
)
