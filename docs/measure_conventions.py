"""What a convention costs: one network, one dataset, one step of the protocol changed at a time.

python docs/measure_conventions.py --dataset Set5 --scale 2 --variant ms-lapsrn --weights FILE
"""

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from harness.data.datasets import find_dataset
from harness.images.colour import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb
from harness.images.decode import read_image
from harness.images.imresize import imresize
from harness.metrics.psnr import psnr
from harness.metrics.sample import Sample, compose
from harness.metrics.ssim import ssim
from variants import create_model, get_variant
from variants.weights.foreign import load_any

Array = NDArray[np.float64]
Scores = tuple[float, float]
FULL_RANGE = np.array([0.299, 0.587, 0.114])


def torch_resize(image: Array, scale: int, antialias: bool) -> Array:
    """torch.nn.functional.interpolate, bicubic."""
    planes = torch.from_numpy(np.moveaxis(np.atleast_3d(image), -1, 0).copy())[None]
    size = [n // scale for n in image.shape[:2]]
    resized = torch.nn.functional.interpolate(
        planes, size=size, mode="bicubic", align_corners=False, antialias=antialias
    )
    return np.moveaxis(resized[0].numpy(), 0, -1).reshape(*size, *image.shape[2:])


def luma(image: Array) -> Array:
    """Y of an RGB image; a grey image as it is."""
    return image if image.ndim == 2 else rgb_to_y(image)


def sample_of(hr: Array, lr: Array, scale: int) -> Sample:
    if hr.ndim == 2:
        return Sample(lr_y=lr, lr_chroma=None, hr_y=hr, scale=scale)
    ycbcr = rgb_to_ycbcr(lr)
    return Sample(lr_y=ycbcr[..., 0], lr_chroma=ycbcr[..., 1:], hr_y=rgb_to_y(hr), scale=scale)


@torch.inference_mode()
def enlarge(model: torch.nn.Module, y: Array) -> Array:
    """A model's luma, computed in the precision of its weights (of double without any)."""
    parameter = next(model.parameters(), None)
    dtype = torch.float64 if parameter is None else parameter.dtype
    return model(torch.from_numpy(y.copy()).to(dtype)[None, None])[0, 0].double().numpy()


class Evaluator:
    """Scores one network under the protocol, or under the protocol with one change."""

    def __init__(self, model: torch.nn.Module, images: list[NDArray[np.uint8]], scale: int) -> None:
        self.model, self.scale = model, scale
        self.images = []
        for pixels in images:
            height, width = (n - n % scale for n in pixels.shape[:2])
            self.images.append(pixels[:height, :width] / 255.0)

    def mean(
        self,
        downscale: Callable[[Array], Array] | None = None,
        compare: Callable[[Array, Array], Scores] | None = None,
        quantise: bool = True,
        grey_as_rgb: bool = False,
    ) -> Scores:
        """Mean PSNR and SSIM over the images.

        Args:
            downscale: RGB HR to RGB LR; the protocol's when None.
            compare: 8-bit RGB SR and HR, as floats, to scores; the protocol's when None.
            quantise: whether SR is rounded to 8 bits.
            grey_as_rgb: whether a grey image is treated as RGB with three equal channels.
        """
        rows = []
        for image in self.images:
            hr = np.dstack([image] * 3) if grey_as_rgb and image.ndim == 2 else image
            lr = imresize(hr, 1 / self.scale) if downscale is None else downscale(hr)
            sample = sample_of(hr, lr, self.scale)
            sr_y = enlarge(self.model, sample.lr_y)
            sr = compose(sample, sr_y) / 255.0
            if not quantise:
                sr = sr_y
                if sample.lr_chroma is not None:
                    chroma = imresize(sample.lr_chroma, self.scale)
                    sr = ycbcr_to_rgb(np.dstack([sr_y, chroma]))
            rows.append((compare or self.by_protocol)(sr, hr))
        return tuple(np.mean(rows, axis=0))

    def shave(self, *images: Array) -> list[Array]:
        inner = slice(self.scale, -self.scale)
        return [image[inner, inner] for image in images]

    def by_protocol(self, sr: Array, hr: Array) -> Scores:
        return self.by(sr, hr, luma)

    def by(self, sr: Array, hr: Array, to_y: Callable[[Array], Array]) -> Scores:
        a, b = self.shave(to_y(sr), to_y(hr))
        return psnr(a, b), ssim(a, b)

    def unshaved(self, sr: Array, hr: Array) -> Scores:
        a, b = luma(sr), luma(hr)
        return psnr(a, b), ssim(a, b)

    def valid_ssim(self, sr: Array, hr: Array) -> Scores:
        a, b = self.shave(luma(sr), luma(hr))
        return psnr(a, b), ssim(a, b, "valid")

    def rgb(self, sr: Array, hr: Array) -> Scores:
        a, b = self.shave(sr, hr)
        channels = np.atleast_3d(a), np.atleast_3d(b)
        pairs = zip(*(np.moveaxis(x, -1, 0) for x in channels), strict=True)
        return psnr(a, b), float(np.mean([ssim(x, y) for x, y in pairs]))


def rounded(image: Array) -> Array:
    return np.rint(np.clip(image, 0, 1) * 255) / 255


@click.command()
@click.option("--dataset", default="Set5")
@click.option("--scale", type=int, default=2)
@click.option("--variant", default="bicubic")
@click.option("--weights", type=click.Path(path_type=Path))
@click.option("--limit", type=int, help="First N images.")
def main(dataset: str, scale: int, variant: str, weights: Path | None, limit: int | None) -> None:
    """Print the cost of each convention as a Markdown table."""
    model = create_model(variant, scale)
    if weights is not None:
        load_any(model, weights, get_variant(variant), scale)
    images = [read_image(path) for path in find_dataset(dataset).limited(limit).images]

    judge = Evaluator(model, images, scale)
    evaluate = judge.mean
    conventions = {
        "the protocol": evaluate(),
        "LR rounded to 8 bits": evaluate(lambda hr: rounded(imresize(hr, 1 / scale))),
        "SR not rounded to 8 bits": evaluate(quantise=False),
        "Y rounded to 8 bits before it is compared": evaluate(
            compare=lambda sr, hr: judge.by(sr, hr, lambda x: rounded(luma(x)))
        ),
        "Y in full range (0.299 R + 0.587 G + 0.114 B)": evaluate(
            compare=lambda sr, hr: judge.by(sr, hr, lambda x: x @ FULL_RANGE if x.ndim == 3 else x)
        ),
        "RGB instead of Y": evaluate(compare=judge.rgb),
        "grey images as RGB": evaluate(grey_as_rgb=True),
        "borders not shaved": evaluate(compare=judge.unshaved),
        "SSIM of windows inside the image only": evaluate(compare=judge.valid_ssim),
        "LR by torch's bicubic, antialiased": evaluate(lambda hr: torch_resize(hr, scale, True)),
        "LR by torch's bicubic, not antialiased": evaluate(
            lambda hr: torch_resize(hr, scale, False)
        ),
    }
    base = conventions["the protocol"]
    click.echo("| convention | PSNR | difference | SSIM | difference |\n|---|---|---|---|---|")
    for name, (decibels, similarity) in conventions.items():
        click.echo(
            f"| {name} | {decibels:.3f} | {decibels - base[0]:+.3f} "
            f"| {similarity:.4f} | {similarity - base[1]:+.4f} |"
        )


if __name__ == "__main__":
    main()
