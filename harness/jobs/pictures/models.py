"""What a pictures job is asked for, and what it makes."""

from typing import Any

from pydantic import Field

from harness.jobs.specs import ImagesSpec, Result


class PicturesSpec(ImagesSpec):
    """A network on some images of a dataset.

    Attributes:
        pictures: ``image`` and ``why`` of each.
        versions: as in a quality spec.
    """

    pictures: list[dict[str, Any]] = Field(default_factory=list)
    versions: dict[str, str] | None = None


class PicturesResult(Result):
    """Crops. Each is looked at when its files are read: a bad one does not spoil the others.

    Attributes:
        crops: for each its ``image``, ``why``, ``box`` (top, left, height, width in HR pixels
            of the cropped image), ``psnr_y`` of the whole image, ``crop_psnr_y``, ``error_max`` and
            ``files`` (``hr``, ``sr``, ``error``: PNG paths relative to the results folder).
    """

    crops: list[dict[str, Any]]
