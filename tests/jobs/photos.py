"""A folder of small images, for tests that run jobs on a dataset of a user's own."""

from pathlib import Path

import numpy as np
from PIL import Image


def photos(folder: Path) -> Path:
    """Three small images of different sizes, one of them greyscale."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for number, shape in enumerate([(40, 48, 3), (33, 41), (48, 40, 3)]):
        smooth = rng.random(shape).cumsum(0).cumsum(1)
        pixels = (255 * smooth / smooth.max()).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"image{number}.png")
    return folder
