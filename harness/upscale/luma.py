"""Ways to upscale luma: bicubic interpolation or a network."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray

from harness.backends import DEFAULT_BACKEND, get_backend, prepare
from harness.images.imresize import imresize
from harness.system.malloc import return_freed_memory
from harness.upscale.shrinking import Margins, ShrinkingPyramid
from harness.upscale.windows import Reach, reach_of, windows_of
from variants.backbones.base import Pyramid, SRModel
from variants.backbones.bicubic import Bicubic

Float64Array = NDArray[np.float64]

KEPT_BYTES = 2**26
"""What windows of other sizes may leave behind before it is given back. Less than elsewhere, for
the picture and its result need their room, too."""

ALIKE = 0.1
"""Windows whose sizes differ by no more are of one picture, such as those at its borders, where a
margin is missing: to have memory given back and mapped anew at each change took a fifth of an
upscaling's time."""

BICUBIC_RADIUS = 3
"""Four taps reach two pixels; one more for the shift of phase."""

NO_MARGINS: Margins = (0, 0, 0, 0)


class Luma(ABC):
    """Upscales luma.

    Attributes:
        scale: the factor.
        radius: LR pixels around a pixel that its output depends on; None for the whole image.
        largest_hr: HR pixels that it should be asked for at once, for the sake of memory.
        hr_margin: of these, the HR pixels on each side of a tile that are computed and discarded.
    """

    scale: int
    radius: int | None
    largest_hr: int
    hr_margin: int

    @abstractmethod
    def __call__(self, y: Float64Array, margins: Margins = NO_MARGINS) -> Float64Array:
        """H x W in [0, 1] to s(H - above - below) x s(W - left - right), not clipped.

        Args:
            y: luma.
            margins: pixels of ``y`` to read but not to upscale.
        """


class BicubicLuma(Luma):
    """MATLAB's bicubic interpolation; exact, with sparse matrices instead of a network's dense."""

    radius, largest_hr = BICUBIC_RADIUS, 600_000

    def __init__(self, scale: int) -> None:
        self.scale, self.hr_margin = scale, scale * BICUBIC_RADIUS

    def __call__(self, y: Float64Array, margins: Margins = NO_MARGINS) -> Float64Array:
        return _cut(imresize(y, self.scale), margins, self.scale)


class NetworkLuma(Luma):
    """A network.

    Args:
        model: moved to ``device`` and to channels-last memory, in which convolutions are faster.
        device: ``"cpu"`` or ``"cuda"``.
        backend: of :func:`harness.backends.list_backends`.
        dtype: of the feature branch, such as ``"float32"``.
        reach: of the model, where it is known.

    Raises:
        BackendUnavailableError: see :func:`harness.backends.prepare`.
    """

    def __init__(
        self,
        model: SRModel,
        device: str,
        backend: str = DEFAULT_BACKEND,
        dtype: str = "float32",
        reach: Reach | None = None,
    ) -> None:
        windows = windows_of(reach or reach_of(model), backend, dtype)
        self.scale, self.radius, self.device = model.scale, windows.reach.radius, device
        self.largest_hr, self.hr_margin = windows.largest_hr, windows.hr_margin
        # torch knows this argument; its type stubs do not.
        model = model.to(device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._shrinking: ShrinkingPyramid | None = None
        if rewrite := get_backend(backend).rewrite:
            model = rewrite(model)
        if windows.shrinks:
            assert isinstance(model, Pyramid)
            model = self._shrinking = ShrinkingPyramid(model, windows.reach.needed)
        self._forward = prepare(model, backend, dtype, device)
        self._last_pixels = 0

    def __call__(self, y: Float64Array, margins: Margins = NO_MARGINS) -> Float64Array:
        batch = torch.from_numpy(y[None, None].astype(np.float32)).to(self.device)
        batch = batch.contiguous(memory_format=torch.channels_last)
        if abs(batch.numel() - self._last_pixels) > ALIKE * self._last_pixels:
            return_freed_memory(KEPT_BYTES)
            self._last_pixels = batch.numel()
        if self._shrinking is None:
            return _cut(_array(self._forward(batch)), margins, self.scale)
        self._shrinking.margins = margins
        return _array(self._forward(batch))


def luma_of(
    model: SRModel,
    device: str = "cpu",
    backend: str = DEFAULT_BACKEND,
    dtype: str = "float32",
    reach: Reach | None = None,
) -> Luma:
    """The way to upscale luma with a model; see :class:`NetworkLuma`."""
    if isinstance(model, Bicubic):
        return BicubicLuma(model.scale)
    return NetworkLuma(model, device, backend, dtype, reach)


def _array(output: torch.Tensor) -> Float64Array:
    return output[0, 0].double().cpu().numpy()


def _cut(upscaled: Float64Array, margins: Margins, scale: int) -> Float64Array:
    above, below, left, right = (scale * pixels for pixels in margins)
    height, width = upscaled.shape
    return upscaled[above : height - below, left : width - right]
