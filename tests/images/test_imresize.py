"""imresize against Pillow, exact numbers and the properties that any such operator has.

Pillow's BICUBIC on float images has MATLAB's kernel and antialiasing but other borders, so it is
given an image whose borders were continued by reflection and told to resize the inner box.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.images.imresize import imresize

SCALES = (2, 4, 8, 1 / 2, 1 / 4, 1 / 8, 3, 1 / 3, 1.5, 0.7)


def by_pillow(image: np.ndarray, scale: float) -> np.ndarray:
    height, width = image.shape
    rows, columns = int(np.ceil(height * scale - 1e-9)), int(np.ceil(width * scale - 1e-9))
    pad = int(np.ceil(3 / min(scale, 1))) + 2
    padded = Image.fromarray(np.pad(image, pad, mode="symmetric").astype(np.float32))
    box = (pad, pad, pad + columns / scale, pad + rows / scale)
    return np.asarray(padded.resize((columns, rows), Image.Resampling.BICUBIC, box=box))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (8, 8), (13, 40), (96, 71)])
def test_pillow_agrees(size: tuple[int, int], scale: float) -> None:
    image = np.random.default_rng(0).random(size).astype(np.float32)
    ours = imresize(image.astype(np.float64), scale)
    theirs = by_pillow(image, scale)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=3e-6)


# By hand: the cubic kernel with a = -1/2 is (111, 29, -9, -3) / 128 at 1/4, 3/4, 5/4 and 7/4.
# Expected values are in 256ths; halving widens the kernel to twice and weighs it by a half.
GOLDEN = {
    "an impulse, doubled": (
        [0, 0, 0, 1, 0, 0, 0],
        2,
        [0, 0, 0, -6, -18, 58, 222, 222, 58, -18, -6, 0, 0, 0],
    ),
    "a step, doubled": (
        [0, 0, 0, 1, 1, 1],
        2,
        [0, 0, 0, -6, -18, 52, 204, 274, 262, 256, 256, 256],
    ),
    "an impulse at the border, doubled": ([1, 0, 0, 0], 2, [280, 204, 52, -18, -6, 0, 0, 0]),
    "an impulse, halved": (
        [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        1 / 2,
        [0, -3, 29, 111, -9, 0, 0],
    ),
    "a single sample, eightfold": ([1], 8, [256] * 8),
}


@pytest.mark.parametrize("case", GOLDEN)
@pytest.mark.parametrize("transposed", [False, True])
def test_golden_values(case: str, transposed: bool) -> None:
    samples, scale, expected = GOLDEN[case]
    image = np.array([samples] * 4, dtype=np.float64)
    resized = imresize(image.T, scale).T if transposed else imresize(image, scale)
    for row in resized:
        np.testing.assert_allclose(row * 256, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("length", "scale", "expected"), [(9, 1 / 3, 3), (10, 1 / 4, 3), (7, 1.5, 11), (1, 1 / 8, 1)]
)
def test_the_size_is_rounded_up(length: int, scale: float, expected: int) -> None:
    assert imresize(np.ones((length, 2, 3)), scale).shape[::2] == (expected, 3)


images = st.builds(
    lambda seed, height, width: np.random.default_rng(seed).random((height, width)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 40),
)
scales = st.sampled_from(SCALES)


@given(st.integers(1, 60), st.integers(1, 60), scales, st.floats(-2, 2))
@settings(max_examples=60, deadline=None)
def test_a_constant_stays_constant(height: int, width: int, scale: float, value: float) -> None:
    resized = imresize(np.full((height, width), value), scale)
    np.testing.assert_allclose(resized, value, atol=1e-12)


@given(images, scales, st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=60, deadline=None)
def test_linear(image: np.ndarray, scale: float, a: float, b: float) -> None:
    other = np.cos(image * 7)
    together = imresize(a * image + b * other, scale)
    apart = a * imresize(image, scale) + b * imresize(other, scale)
    np.testing.assert_allclose(together, apart, atol=1e-11)


@given(images, st.sampled_from([s for s in SCALES if s != 0.7]))
@settings(max_examples=60, deadline=None)
def test_transposition_commutes(image: np.ndarray, scale: float) -> None:
    np.testing.assert_allclose(imresize(image.T, scale), imresize(image, scale).T, atol=1e-12)


@given(images, st.sampled_from([2, 4, 8, 3]))
@settings(max_examples=60, deadline=None)
def test_flips_commute(image: np.ndarray, factor: int) -> None:
    image = image[: image.shape[0] // factor * factor, : image.shape[1] // factor * factor]
    for scale in (factor, 1 / factor) if image.size else ():
        resized = imresize(image, scale)
        np.testing.assert_allclose(imresize(image[::-1], scale), resized[::-1], atol=1e-11)
        np.testing.assert_allclose(imresize(image[:, ::-1], scale), resized[:, ::-1], atol=1e-11)


@given(images, scales)
@settings(max_examples=40, deadline=None)
def test_channels_do_not_mix(image: np.ndarray, scale: float) -> None:
    stacked = np.stack([image, 1 - image, image**2], axis=-1)
    resized = imresize(stacked, scale)
    for channel in range(3):
        alone = imresize(stacked[..., channel], scale)
        np.testing.assert_allclose(resized[..., channel], alone, atol=1e-15)


@given(images)
@settings(max_examples=20, deadline=None)
def test_scale_one_is_the_identity(image: np.ndarray) -> None:
    np.testing.assert_array_equal(imresize(image, 1), image)


@pytest.mark.parametrize("scale", [2, 4, 8, 1 / 2, 1 / 4, 1 / 8])
def test_a_ramp_keeps_its_slope(scale: float) -> None:
    resized = imresize(np.arange(160.0)[:, None] * np.ones((1, 2)), scale)[:, 0]
    reach = int(np.ceil(4 * max(scale, 1)))
    centres = (np.arange(len(resized)) + 0.5) / scale - 0.5
    inner = slice(reach, -reach)
    np.testing.assert_allclose(resized[inner], centres[inner], atol=1e-10)
