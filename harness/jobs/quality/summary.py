"""What a quality record says of its images together."""

from dataclasses import fields
from typing import Any

import numpy as np

from harness.metrics.quality import Scores


def summarise(rows: list[dict[str, Any]], total_seconds: float) -> dict[str, Any]:
    """A quality record's result from its per-image rows."""
    return {
        "n_images": len(rows),
        **{f.name: float(np.mean([row[f.name] for row in rows])) for f in fields(Scores)},
        "network_seconds": float(sum(row["network_seconds"] for row in rows)),
        "total_seconds": total_seconds,
        "images": rows,
    }
