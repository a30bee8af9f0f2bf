"""Quality as tables."""

from collections.abc import Iterable

from harness.jobs.base import Record
from harness.jobs.quality.kind import KIND
from harness.jobs.quality.models import QualitySpec
from harness.jobs.tables import ENDING, NETWORK, RecordTable, Rows, ending, network, pick
from harness.metrics.registry import METRICS

_SETTING = ("dataset", "protocol", "dtype", "backend")


def _means() -> tuple[str, ...]:
    return ("n_images", *METRICS, "network_seconds", "total_seconds")


def _image() -> tuple[str, ...]:
    return ("image", "hr_height", "hr_width", *METRICS, "network_seconds")


def _setting(record: Record[QualitySpec]) -> dict[str, str]:
    spec = record.spec
    values = (spec.dataset.name, spec.protocol.name, spec.dtype, spec.backend)
    return dict(zip(_SETTING, values, strict=True))


def quality_table(records: Iterable[Record]) -> RecordTable:
    """Means of every metric per variant, scale, dataset, protocol and weights."""
    rows = [
        {**network(r), **_setting(r), **pick(r.result, _means()), **ending(r)}
        for r in KIND.records(records)
    ]
    return RecordTable(rows, [*NETWORK, *_SETTING, *_means(), *ENDING])


def image_table(records: Iterable[Record]) -> RecordTable:
    """Every metric per image."""
    rows: Rows = []
    for r in KIND.records(records):
        for image in (r.result and r.result.images) or ():
            rows.append({**network(r), **_setting(r), **pick(image, _image()), "job": r.id})
    return RecordTable(rows, [*NETWORK, *_SETTING, *_image(), "job"])


TABLES = {"quality.csv": quality_table, "images.csv": image_table}
