"""Names, labels and reasons of any characters, in reports, comparisons and on the terminal."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.faults.base import HOSTILE_TEXTS, Case, Rng, WrongError, command
from tests.report import synthetic
from tests.report.foreign import foreign_html, foreign_markdown


def hostile(rng: Rng) -> str:
    """One or two of the known ones, joined by something."""
    parts = rng.choices(HOSTILE_TEXTS, k=rng.randint(1, 3))
    if rng.random() < 0.3:
        parts.append("".join(chr(rng.randrange(0x110000)) for _ in range(5)))
    return rng.choice(("", " ", "\n", "\n\n", "|")).join(parts)


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` runs with hostile names, reported and compared."""
    rng = Rng(f"text {seed}")
    for _ in range(n):
        words = [hostile(rng) for _ in range(6)]
        yield Case(" / ".join(ascii(word)[1:-1][:40] for word in words), _run(words))


def _run(words: list[str]) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        dataset, image, label, weights, reason, note = words
        dataset = dataset or "x"  # A dataset without a name is refused before it is measured.
        values = np.random.default_rng(0).normal(30, 3, 6).tolist()
        images = [f"{image}{i}" for i in range(6)]
        records = [
            synthetic.quality("ms-lapsrn", 4, dataset, values, images=images),
            synthetic.quality(
                "x",
                4,
                dataset,
                [v + 0.1 for v in values],
                images=images,
                label=label,
                weights_label=weights,
                origin=note,
            ),
            synthetic.quality("y", 4, dataset, [], label=label, status="failed", reason=reason),
            synthetic.latency("ms-lapsrn", 4, 10.0),
            synthetic.pictures(folder / "run", "x", 4, dataset, [image], label=label),
        ]
        environment = {"cpu": note, "gpu": label, "platform": reason, "torch": dataset}
        about = {"notes": [note], "git_commit": reason, "environment": environment}
        run = synthetic.write_run(folder / "run", records, about)
        said = command("report", run, "-o", folder / "report")
        _check(folder / "report")
        command("compare", run, run)
        compared = command("compare", run, run, "--markdown")
        if strange := foreign_markdown(compared.out):
            raise WrongError(f"the comparison's Markdown has {strange}")
        return said.code == 0

    return run


def _check(report: Path) -> None:
    if strange := foreign_html((report / "report.html").read_text("utf-8")):
        raise WrongError(f"report.html has {strange}")
    if strange := foreign_markdown((report / "report.md").read_text("utf-8")):
        raise WrongError(f"report.md has {strange}")
    for path in report.rglob("*.svg"):
        ET.parse(path)  # ParseError where it is ill-formed.
