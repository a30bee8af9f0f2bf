"""What LPIPS and DISTS share: torchmetrics' modules, on weights that torchvision fetches."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DataError
from harness.metrics.metric import Pair
from variants.errors import in_words

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Perceptual:
    """A distance between what a network trained on ImageNet makes of two images.

    Attributes:
        label: its name.
        make: makes torchmetrics' module; fetches the network's weights where they are missing.
        file: of these weights, in the folder ``checkpoints`` of ``torch.hub.get_dir()``.
        megabytes: of that file.
        smallest: height and width in pixels, which the network's pooling needs.
    """

    label: str
    make: Callable[[], Any]
    file: str
    megabytes: int
    smallest: int = 1

    def compute(self, pair: Pair) -> float:
        """The distance of an image pair on RGB, 0 for equal images.

        Raises:
            DataError: the images are too small, a package cannot be imported, or the weights are
                not there and cannot be fetched.
        """
        import torch

        assert pair.sr_rgb is not None
        assert pair.hr_rgb is not None
        height, width = pair.sr_rgb.shape[:2]
        if min(height, width) < self.smallest:
            raise DataError(
                f"{self.label} needs {self.smallest}x{self.smallest} pixels within the border, and "
                f"this image has {width}x{height}"
            )

        def planes(image: "NDArray[Any]") -> torch.Tensor:
            return torch.from_numpy(image).float().permute(2, 0, 1)[None]

        module = _ready(self)
        with torch.inference_mode():
            found = float(module(planes(pair.sr_rgb), planes(pair.hr_rgb)))
        module.reset()
        return found


@cache
def _ready(perceptual: Perceptual) -> Any:
    """The module, made once in a process."""
    import torch

    try:
        return perceptual.make()
    except (ImportError, OSError, RuntimeError) as error:
        path = Path(torch.hub.get_dir()) / "checkpoints" / perceptual.file
        raise DataError(
            f"{perceptual.label} cannot be computed ({in_words(error)}): it needs torchvision in "
            f"the version that fits torch {torch.__version__}, and weights of "
            f"{perceptual.megabytes} MB that torchvision fetches, or that you put there as {path}"
        ) from error
