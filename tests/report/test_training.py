"""Which networks count as trained alike."""

from collections.abc import Mapping

import pytest

from harness.jobs.base import Record
from harness.report.rows import ReportRow
from harness.report.training import alike, read_trainings
from tests.report.synthetic import quality

TOLD = {"recipe": "fast", "steps": 1500, "seed": 0, "training_set": "T91", "init": "from a at 8x"}


@pytest.mark.parametrize(
    ("other", "is_alike"),
    [
        ({"seed": 1}, True),
        ({"init": "from a at 8x; fresh: upsampler.bias"}, True),
        ({"init": "from b at 8x; fresh: upsampler.bias"}, False),
        ({"init": "from a at 8x; as near as can be to its transposed convolution: x"}, False),
        ({"init": "from scratch"}, False),
        ({"steps": 1501}, False),
        ({"training_set": "T91 + BSDS200"}, False),
    ],
)
def test_what_sets_two_trainings_apart(other: Mapping[str, object], is_alike: bool) -> None:
    records = [
        quality("ms-lapsrn", 4, "Set5", [30.0], training=TOLD),
        quality("cms-lapsrn-conv3", 4, "Set5", [30.0], training={**TOLD, **other}),
    ]
    found = read_trainings(records)
    one, two = (found[ReportRow.of(record.spec), 4] for record in records)
    assert alike(one, two) is is_alike


@pytest.mark.parametrize(
    ("before", "is_alike"),
    [({}, True), ({"seed": 1}, True), ({"steps": 600}, False), ({"init": "from a at 8x"}, False)],
)
def test_a_second_stage_is_alike_where_both_are(
    before: Mapping[str, object], is_alike: bool
) -> None:
    """Each starts from its own weights, so what counts is how these were trained."""
    first = {**TOLD, "init": "from scratch"}

    def second(variant: str, stage: Mapping[str, object]) -> Record:
        told = {**TOLD, "init": f"from {variant} at 8x", "earlier": [stage]}
        return quality(variant, 4, "Set5", [30.0], training=told)

    records = [second("ms-lapsrn", first), second("cms-lapsrn-conv3", {**first, **before})]
    found = read_trainings(records)
    one, two = (found[ReportRow.of(record.spec), 4] for record in records)
    assert one.start == "after 1,500 steps of fast from scratch on T91"
    assert alike(one, two) is is_alike


def test_a_training_is_told_with_its_stages_and_each_data_once() -> None:
    stage = {**TOLD, "init": "from scratch"}
    told = {**TOLD, "recipe": "gpu", "init": "from ms-lapsrn at 8x", "earlier": [stage]}
    record = quality("ms-lapsrn", 4, "Set5", [30.0], training=told)
    training = read_trainings([record])[ReportRow.of(record.spec), 4]
    words = "recipe gpu, 1,500 steps on T91, after 1,500 steps of fast from scratch"
    assert training.words == words
    second = {**told, "earlier": None}
    record = quality("ms-lapsrn", 4, "Set5", [30.0], training={**told, "earlier": [stage, second]})
    training = read_trainings([record])[ReportRow.of(record.spec), 4]
    words = "recipe gpu, 1,500 steps on T91, after 1,500 steps of gpu, after 1,500 steps of fast"
    assert training.words == f"{words} from scratch"
