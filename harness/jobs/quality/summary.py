"""What a quality record says of its images together."""

from typing import Any

from harness.metrics.registry import mean_scores


def summarise(rows: list[dict[str, Any]], total_seconds: float) -> dict[str, Any]:
    """A quality record's result from its per-image rows."""
    return {
        "n_images": len(rows),
        **mean_scores(rows),
        "network_seconds": float(sum(row["network_seconds"] for row in rows)),
        "total_seconds": total_seconds,
        "images": rows,
    }
