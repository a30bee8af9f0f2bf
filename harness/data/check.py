"""Is a copy of a dataset the one that the paper's figures are about?"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.data.datasets import Dataset, DatasetInfo
from harness.data.sources import Source
from harness.errors import DataError, about
from harness.system.files import sha256_of

PRINTED_PSNR_DIGITS, PRINTED_SSIM_DIGITS = 2, 3


@dataclass(frozen=True)
class BytesCheck:
    """How a copy's bytes compare with the pinned public files, whatever its files are called.

    Attributes:
        identical: how many images are byte for byte one of the pinned files.
        differing: names of the others; their pixels may still be the same.
        absent: how many pinned files no image is identical with.
    """

    identical: int
    differing: tuple[str, ...]
    absent: int


@dataclass(frozen=True)
class BaselineCheck:
    """Bicubic interpolation measured on a copy, beside the paper's row; unrounded."""

    scale: int
    psnr_y: float
    ssim_y: float
    paper_psnr: float
    paper_ssim: float

    @property
    def agrees(self) -> bool:
        """Whether both figures are the paper's once rounded to its printed digits."""
        return (
            f"{self.psnr_y:.{PRINTED_PSNR_DIGITS}f}" == f"{self.paper_psnr:.{PRINTED_PSNR_DIGITS}f}"
            and f"{self.ssim_y:.{PRINTED_SSIM_DIGITS}f}"
            == f"{self.paper_ssim:.{PRINTED_SSIM_DIGITS}f}"
        )


def check_bytes(dataset: Dataset, sources: Iterable[Source]) -> BytesCheck:
    """Compare the SHA-256 of every image with those of the pinned files.

    Raises:
        DataError: an image cannot be read.
    """
    pinned = {source.sha256 for source in sources}
    digests = {}
    for path in dataset.images:
        try:
            digests[path] = sha256_of(path)
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
    differing = tuple(path.name for path, digest in digests.items() if digest not in pinned)
    return BytesCheck(
        identical=len(dataset.images) - len(differing),
        differing=differing,
        absent=len(pinned - set(digests.values())),
    )


def check_baseline(
    dataset: Dataset, info: DatasetInfo, on_image: Callable[[], object] = lambda: None
) -> list[BaselineCheck]:
    """Measure bicubic interpolation under the paper's protocol at every scale of its row.

    Args:
        dataset: a complete copy; of a part of it the paper says nothing.
        info: has the paper's figures.
        on_image: called after each image and scale.

    Raises:
        DataError: an image cannot be decoded or is too small.
    """
    import torch

    from harness.images.decode import read_image
    from harness.metrics.protocol import PROTOCOLS
    from harness.metrics.sample import compose, prepare, score
    from variants import create_model

    protocol = PROTOCOLS["matlab_y"]
    models = {scale: create_model("bicubic", scale) for scale in info.bicubic}
    scores: dict[int, list[tuple[float, float]]] = {scale: [] for scale in info.bicubic}
    with torch.inference_mode():
        for path in dataset.images:
            hr = read_image(path)
            for scale, model in models.items():
                with about(path):
                    sample = prepare(hr, scale, protocol)
                    sr_y = model(torch.from_numpy(sample.lr_y)[None, None])[0, 0].numpy()
                    figures = score(sample, compose(sample, sr_y), protocol)
                scores[scale].append((figures["psnr_y"], figures["ssim_y"]))
                on_image()
    return [
        BaselineCheck(scale, *_means(scores[scale]), *paper)
        for scale, paper in info.bicubic.items()
    ]


def _means(scores: list[tuple[float, float]]) -> tuple[float, float]:
    psnrs, ssims = zip(*scores, strict=True)
    return sum(psnrs) / len(psnrs), sum(ssims) / len(ssims)
