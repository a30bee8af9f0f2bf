"""What a quality record says of its images together."""

from collections.abc import Mapping
from typing import Any

from harness.jobs.quality.models import QualityResult
from harness.metrics.registry import mean_scores


def summarise(
    rows: list[dict[str, Any]], total_seconds: float, training: Mapping[str, Any] | None = None
) -> QualityResult:
    """A quality record's result from its per-image rows.

    Args:
        rows: one per image.
        total_seconds: that the job took.
        training: what the weights tell of it.
    """
    return QualityResult.model_validate(
        {
            "n_images": len(rows),
            **mean_scores(rows),
            "network_seconds": float(sum(row["network_seconds"] for row in rows)),
            "total_seconds": total_seconds,
            "images": rows,
            **({"training": training} if training else {}),
        }
    )
