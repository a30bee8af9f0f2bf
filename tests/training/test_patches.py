import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from harness.images.imresize import imresize
from harness.training.patches import PatchBank, pyramid
from harness.training.recipe import Batch

RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.random((90, 75)), RANDOM.random((64, 130)), RANDOM.random((40, 41))]


@pytest.fixture(scope="module")
def bank():
    return PatchBank(IMAGES, rescale=(1.0, 0.6), least=16)


def test_pyramid_levels_are_matlab_reductions_of_the_cropped_image():
    levels = pyramid(IMAGES[0]).levels
    assert [tuple(level.shape) for level in levels] == [(88, 72), (44, 36), (22, 18), (11, 9)]
    for level, scale in zip(levels[1:], (2, 4, 8), strict=True):
        expected = imresize(IMAGES[0][:88, :72], 1 / scale)
        np.testing.assert_allclose(level.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_lr_and_targets_show_the_same_place(bank, scale):
    """The middle of the LR patch is what imresize makes of the HR patch; its rim sees beyond."""
    batch = bank.draw(scale, Batch(images=6, patch=64), seed=1, step=5)
    rim = 2  # The antialiased kernel reaches two LR pixels to each side.
    for levels in zip(batch.lr, *batch.targets, strict=True):
        hr = levels[-1][0].double().numpy()
        for level, image in enumerate(levels[:-1]):
            made = imresize(hr, 1 / (scale >> level))
            inner = np.s_[rim:-rim, rim:-rim]
            np.testing.assert_allclose(image[0].numpy()[inner], made[inner], atol=1e-6)


def test_shapes_follow_scale_and_patch(bank):
    batch = bank.draw(8, Batch(images=3, patch=32), seed=0, step=0)
    assert tuple(batch.lr.shape) == (3, 1, 4, 4)
    assert [tuple(t.shape) for t in batch.targets] == [(3, 1, s, s) for s in (8, 16, 32)]


@settings(deadline=None, max_examples=20)
@given(
    world=st.integers(1, 6),
    step=st.integers(0, 2**40),
    scale=st.sampled_from([2, 4, 8]),
    seed=st.integers(0, 2**60),
)
def test_processes_share_a_batch_out_without_changing_it(bank, world, step, scale, seed):
    settings = Batch(images=5, patch=16)
    whole = bank.draw(scale, settings, seed=seed, step=step)
    for rank in range(world):
        part = bank.draw(scale, settings, seed=seed, step=step, rank=rank, world=world)
        assert torch.equal(part.lr, whole.lr[rank::world])
        assert torch.equal(part.targets[-1], whole.targets[-1][rank::world])
        assert part.global_images == 5


def test_steps_seeds_and_samples_differ(bank):
    settings = Batch(images=4, patch=16)
    draws = [
        bank.draw(2, settings, seed=seed, step=step).targets[-1]
        for seed, step in ((0, 0), (0, 1), (1, 0))
    ]
    samples = torch.cat(draws).flatten(1)
    assert len(torch.unique(samples, dim=0)) == len(samples)


def test_every_turn_occurs():
    """A tilted plane shows by its gradient which of the eight turns a patch took."""
    tilted = np.add.outer(np.arange(16) * 2.0, np.arange(16)) / 64
    batch = PatchBank([tilted], (1.0,), 16).draw(2, Batch(images=200, patch=16), seed=0, step=0)
    corners = {tuple(p[0, [0, 0, -1], [0, -1, 0]].tolist()) for p in batch.targets[-1]}
    assert len(corners) == 8


def test_images_below_the_patch_size_are_never_cut(bank):
    flat = [np.full((200, 200), 0.5), np.full((24, 24), 0.9)]
    batch = PatchBank(flat, (1.0,), 16).draw(2, Batch(images=40, patch=32), seed=0, step=0)
    assert batch.targets[-1].max() < 0.6


def test_too_large_a_patch_is_refused(bank):
    with pytest.raises(DataError, match="512x512"):
        bank.draw(2, Batch(images=1, patch=512), seed=0, step=0)
    with pytest.raises(DataError, match="512x512"):
        PatchBank(IMAGES, (1.0,), 512)


def test_stretched_patches_fill_the_full_range_and_still_fit_together():
    from harness.images.colour import rgb_to_y

    grey = np.linspace(0, 1, 64)[:, None] * np.ones((1, 64))
    studio = rgb_to_y(np.dstack([grey] * 3))
    banks = [PatchBank([y], (1.0,), 16, share) for y, share in ((studio, 1.0), (grey, 0.0))]
    settings = Batch(images=4, patch=32)
    stretched, full = (bank.draw(4, settings, seed=3, step=1) for bank in banks)
    for ours, expected in zip(
        (stretched.lr, *stretched.targets), (full.lr, *full.targets), strict=True
    ):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
