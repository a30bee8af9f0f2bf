"""What a quality job is asked for, and what it finds."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from harness.jobs.specs import ImagesSpec, Result
from harness.metrics.registry import FIRST, METRICS, phrases
from harness.system.stored import Amount, Count, Name, Part, Pixels


class QualitySpec(ImagesSpec):
    """A network on a dataset.

    Attributes:
        metrics: versions by key of those beyond the first PSNR and SSIM.
        metric_plugins: by key, the SHA-256 of the file that declares a metric, where that is a
            plug-in.
        versions: of packages, where a backend compiles.
        save_images: whether SR images are kept.
    """

    metrics: dict[str, int] | None = None
    metric_plugins: dict[str, Name] | None = None
    versions: dict[str, str] | None = None
    save_images: bool = False


class _Scored(Part):
    """Figures of merit, under the keys of the metrics that there are."""

    @model_validator(mode="after")
    def _scores_are_numbers(self) -> Self:
        for key in METRICS:
            value = self._more.get(key, 0.0)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{key} is no number")
        return self

    @property
    def scores(self) -> Mapping[str, float]:
        """By metric, of those that there are and that were measured."""
        return {key: self._more[key] for key in METRICS if key in self._more}

    @property
    def _more(self) -> dict[str, Any]:
        return self.model_extra or {}


class ImageScores(_Scored):
    """One image of a quality job."""

    image: Name
    hr_height: Pixels | None = None
    hr_width: Pixels | None = None
    network_seconds: Amount | None = None


class QualityResult(_Scored, Result):
    """Means over the images of a dataset, and the images.

    Attributes:
        network_seconds: time inside the network, of ``total_seconds``.
        training: how the weights were trained, as they tell it.
    """

    n_images: Count
    network_seconds: Amount | None = None
    total_seconds: Amount | None = None
    images: list[ImageScores] | None = None
    training: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _first_metrics(self) -> Self:
        if lacking := [key for key in FIRST if key not in self.scores]:
            raise ValueError(f"{lacking[0]} is missing")
        return self

    def summary(self) -> str:
        return phrases(self.scores)
