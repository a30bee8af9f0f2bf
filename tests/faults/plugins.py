"""What plug-ins declare: names, labels and units of any characters, files that are spoiled."""

from collections.abc import Callable, Iterator
from pathlib import Path

from hypothesis import strategies as st

from harness.jobs.base import Record
from harness.metrics.registry import METRICS
from tests.faults.base import HOSTILE_TEXTS, Case, Rng, WrongError, mutated, took
from tests.faults.generated import generated
from tests.faults.records import sound
from tests.report import synthetic
from tests.report.foreign import foreign_html, foreign_markdown
from variants.catalog import _REGISTERED

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(HOSTILE_TEXTS),
    st.sampled_from(HOSTILE_TEXTS).map(lambda text: "x" + text),
    st.sampled_from(("mine", "psnr_y", "ms-lapsrn", "Set5", "image")),
)
KEYS = st.sampled_from((st.just("mine"), st.just("mine"), TEXTS)).flatmap(lambda kind: kind)
DECLARED = st.tuples(KEYS, KEYS, TEXTS, TEXTS, TEXTS, TEXTS)
FILE = """\
from harness import Metric, Variant, register_metric, register_variant

register_metric(Metric({0!a}, {2!a}, {3!a}, 1, lambda _: 0.0, higher_is_better=True))
options = dict(width=64, depth=5, recursions=2)
register_variant(Variant({1!a}, {4!a}, "ms-lapsrn", {5!a}, options, "transposed"))
"""


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` plug-ins, each listed, planned and reported."""
    rng = Rng(f"plugins {seed}")
    for words in generated(DECLARED, seed, n):
        content = FILE.format(*words).encode()
        name = " / ".join(ascii(word)[1:-1][:24] for word in words)
        if rng.random() < 0.15:
            name, content = mutated(rng, content)
        yield Case(name, _run(words[0], words[1], content))


def measured(record: Record, key: str) -> Record:
    """A record of quality with another figure."""
    stored = record.as_dict()
    stored["result"][key] = 1.0
    for row in stored["result"]["images"]:
        row[key] = 1.0
    return synthetic.record("quality", stored["spec"], stored["result"])


def _run(key: str, variant: str, content: bytes) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        path = folder / "plugin.py"
        path.write_bytes(content)
        metrics, variants = dict(METRICS), dict(_REGISTERED)
        try:
            if not took("list", "--plugin", path):
                return False
            took("run", "--plugin", path, f"--variants={variant}", "--only=cost", "--dry-run")
            records = [measured(each, key) if each.kind == "quality" else each for each in sound()]
            results = synthetic.write_run(folder / "run", records)
            report = folder / "report"
            if not took("report", results, "--plugin", path, "-o", report):
                return False
            if strange := foreign_html((report / "report.html").read_text("utf-8")):
                raise WrongError(f"report.html has {strange}")
            if strange := foreign_markdown((report / "report.md").read_text("utf-8")):
                raise WrongError(f"report.md has {strange}")
        finally:
            METRICS.clear()
            METRICS.update(metrics)
            _REGISTERED.clear()
            _REGISTERED.update(variants)
        return True

    return run
