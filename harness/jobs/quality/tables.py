"""Quality as tables."""

from collections.abc import Iterable

from harness.jobs.base import Record
from harness.jobs.quality.kind import KIND
from harness.jobs.quality.models import QualityResult, QualitySpec
from harness.jobs.tables import ENDING, NETWORK, RecordTable, Rows, ending, network, pick
from harness.metrics.registry import told

_SETTING = ("dataset", "protocol", "dtype", "backend")


_Records = list[Record[QualitySpec, QualityResult]]


def _metrics(records: _Records) -> list[str]:
    """Keys of the metrics that are shown."""
    return list(told(r.result.scores for r in records if r.result is not None))


def _setting(record: Record[QualitySpec]) -> dict[str, str]:
    spec = record.spec
    values = (spec.dataset.name, spec.protocol.name, spec.dtype, spec.backend)
    return dict(zip(_SETTING, values, strict=True))


def quality_table(records: Iterable[Record]) -> RecordTable:
    """Means of every metric per variant, scale, dataset, protocol and weights."""
    measured: _Records = list(KIND.records(records))
    figures = ("n_images", *_metrics(measured), "network_seconds", "total_seconds")
    rows = [{**network(r), **_setting(r), **pick(r.result, figures), **ending(r)} for r in measured]
    return RecordTable(rows, [*NETWORK, *_SETTING, *figures, *ENDING])


def image_table(records: Iterable[Record]) -> RecordTable:
    """Every metric per image."""
    measured: _Records = list(KIND.records(records))
    figures = ("image", "hr_height", "hr_width", *_metrics(measured), "network_seconds")
    rows: Rows = []
    for r in measured:
        for image in (r.result and r.result.images) or ():
            rows.append({**network(r), **_setting(r), **pick(image, figures), "job": r.id})
    return RecordTable(rows, [*NETWORK, *_SETTING, *figures, "job"])


TABLES = {"quality.csv": quality_table, "images.csv": image_table}
