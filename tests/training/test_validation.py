from typing import Any

import numpy as np
import pytest
import torch

from harness.images.imresize import imresize
from harness.metrics.psnr import psnr
from harness.training.validation import LARGEST, validate, validation_set
from variants import create_model


def test_centres_are_cut_and_small_images_left_out():
    images = [np.zeros((300, 250)), np.zeros((100, 50)), np.zeros((20, 300))]
    sizes = [image.size for image in validation_set(images)]
    assert sizes == [(LARGEST, LARGEST), (96, 48)]


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_bicubic_scores_as_computed_by_hand(scale):
    y = np.random.default_rng(0).random((64, 48))
    scores = validate(create_model("bicubic", 8), validation_set([y]), [scale], torch.device("cpu"))
    sr = np.clip(imresize(imresize(y, 1 / scale), scale), 0, 1)
    inner = np.s_[scale:-scale, scale:-scale]
    assert scores[scale] == pytest.approx(psnr(sr[inner], y[inner]), abs=1e-3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_output_that_is_not_finite_has_no_psnr(value):
    class Broken(torch.nn.Module):
        def forward_levels(self, y, scale):
            sr = y.repeat_interleave(2, -1).repeat_interleave(2, -2)
            sr[..., 10, 10] = value
            return [sr]

    model: Any = Broken()
    images = validation_set([np.random.default_rng(0).random((64, 48))])
    assert np.isnan(validate(model, images, [2], torch.device("cpu"))[2])
