import pytest
import torch

from harness.training.loss import Objective, charbonnier
from harness.training.patches import PatchBatch
from harness.training.recipe import Loss
from variants import create_model


def batch_of(scale, images, global_images=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sides = [4 * 2**k for k in range(scale.bit_length())]
    levels = [torch.rand(images, 1, side, side, generator=generator) for side in sides]
    return PatchBatch(scale, levels[0], tuple(levels[1:]), global_images or images)


def test_charbonnier_by_hand():
    errors = charbonnier(torch.tensor([0.0, 3.0]), eps=16.0)
    assert errors.tolist() == [4.0, 5.0]


@pytest.mark.parametrize(("reduction", "divisor"), [("sum", 3), ("mean", 3 * 16 * 16)])
def test_levels_are_summed_over_pixels(reduction, divisor):
    model = create_model("bicubic", 4)
    batch = batch_of(4, 3)
    loss, levels = Objective(model, Loss(eps=1e-6, reduction=reduction))([batch])
    outputs = model.forward_levels(batch.lr, 4)
    sums = [((o - t) ** 2 + 1e-6).sqrt().sum() for o, t in zip(outputs, batch.targets, strict=True)]
    assert float(loss) == pytest.approx(float(sum(sums)) / divisor, rel=1e-5)
    assert levels[:, 1].tolist() == [3 * 8 * 8, 3 * 16 * 16, 0]
    assert levels[:2, 0].tolist() == pytest.approx([float(s) for s in sums], rel=1e-5)


def test_unequal_shares_average_to_the_whole():
    """Three images over two processes: the mean of both losses is the one of a single process."""
    model = create_model("ms-lapsrn", 8, width=4)
    whole = batch_of(2, 3)
    alone, _ = Objective(model, Loss())([whole])
    shares = []
    for rank in range(2):
        targets = tuple(t[rank::2] for t in whole.targets)
        part = PatchBatch(2, whole.lr[rank::2], targets, global_images=3)
        shares.append(Objective(model, Loss(), world=2)([part])[0])
    torch.testing.assert_close(sum(shares) / 2, alone)


def test_several_scales_in_one_step_count_each_image_once():
    model = create_model("bicubic", 8)
    objective = Objective(model, Loss(reduction="sum"))
    batches = [batch_of(2, 2), batch_of(8, 1)]
    together, _ = objective(batches)
    apart = [objective([batch])[0] for batch in batches]
    assert float(together) == pytest.approx(float(2 * apart[0] + apart[1]) / 3, rel=1e-5)


def test_bf16_leaves_image_branch_and_loss_in_float32():
    torch.manual_seed(0)
    model = create_model("ms-lapsrn", 8, width=8)
    for parameter in model.get_submodule("conv_out").parameters():
        torch.nn.init.zeros_(parameter)
    batch = batch_of(8, 2)
    exact, _ = Objective(model, Loss())([batch])
    rounded, _ = Objective(model, Loss(), bf16=True)([batch])
    # Without residuals only the image branch is left, which must not be rounded.
    assert rounded.item() == pytest.approx(exact.item(), rel=1e-6)
