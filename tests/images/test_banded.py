"""Band matrices in blocks against the dense matrix."""

import numpy as np
import pytest

from harness.images.banded import along_columns, along_rows, make_bands


@pytest.mark.parametrize("outputs_per_band", [1, 4, 100])
def test_blocks_are_the_matrix(outputs_per_band: int) -> None:
    rng = np.random.default_rng(0)
    n_out, n_in, taps = 13, 20, 5
    # Shuffled and with repetitions, as reflection at a border makes them.
    first = np.linspace(0, n_in - 4, n_out).astype(int)
    indices = first[:, None] + rng.integers(0, 4, (n_out, taps))
    weights = rng.standard_normal((n_out, taps))
    matrix = np.zeros((n_out, n_in))
    for row, (reads, values) in enumerate(zip(indices, weights, strict=True)):
        for read, value in zip(reads, values, strict=True):
            matrix[row, read] += value
    bands = make_bands(indices, weights, outputs_per_band)
    x = rng.standard_normal((2, n_in, 7))
    expected = np.stack([matrix @ plane for plane in x])
    np.testing.assert_allclose(along_rows(bands, x), expected, atol=1e-13)
    transposed = along_columns(bands, x.transpose(0, 2, 1))
    np.testing.assert_allclose(transposed, expected.transpose(0, 2, 1), atol=1e-13)
    # Some of the outputs, from what they read.
    some = bands[1:3] or bands
    begin = min(band.inputs.start for band in some)
    outputs = slice(some[0].outputs.start, some[-1].outputs.stop)
    part = along_rows(some, x[:, begin:], begin)
    np.testing.assert_allclose(part, expected[:, outputs], atol=1e-13)
