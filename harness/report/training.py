"""How the networks of a report were trained, and which of them were trained alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.jobs.base import Record
from harness.jobs.quality.kind import KIND as QUALITY
from harness.networks.identity import BY_THIS_PROJECT, WeightsIdentity
from harness.report import curves
from harness.report.rows import ReportRow
from harness.report.text import plural
from harness.system.stored import as_number

By = Literal["project", "authors", "elsewhere", "external", "none"]


@dataclass(frozen=True)
class Training:
    """What is known of a network's training; ``None`` and empty where it is not told.

    Attributes:
        by: ``project`` (this harness), ``authors`` (LapSRN's), ``elsewhere`` (a file that does not
            say), ``external`` (another program's images) or ``none`` (nothing to train).
        recipe: its name, and whom it learnt from where it had a teacher.
        steps: of the optimiser.
        data: the training set.
        start: from scratch, from which network, or after which stage of its own.
        seed: of the training.
        date: ISO 8601 day of its end.
        wall_time_s: seconds of wall time.
        device: kind of device.
        sha256: of the weights' bytes.
    """

    by: By = "elsewhere"
    recipe: str = ""
    steps: int | None = None
    data: str = ""
    start: str = ""
    seed: int | None = None
    date: str = ""
    wall_time_s: float | None = None
    device: str = ""
    sha256: str = ""

    @property
    def group(self) -> tuple[object, ...]:
        """What networks that were trained alike have in common.

        Networks of which nothing is told share a group, for there is nothing to part them by;
        whether they were trained alike is then not known: see :attr:`is_told`.
        """
        if self.by in ("authors", "external", "none"):
            return (self.by,)
        return (self.by, self.recipe, self.steps, self.data, self.start)

    @property
    def is_told(self) -> bool:
        """Whether recipe and steps are known, so that another training can be called alike."""
        return self.by == "project" and bool(self.recipe) and self.steps is not None

    @property
    def words(self) -> str:
        """In a few words."""
        if self.by == "authors":
            return "released by LapSRN's authors"
        if self.by == "external":
            return "another program"
        steps = "" if self.steps is None else plural(self.steps, "step")
        done = " on ".join(filter(None, (steps, self.data)))
        recipe = f"recipe {self.recipe}" if self.recipe else ""
        return ", ".join(filter(None, (recipe, done, self._start))) or "training not told"

    @property
    def _start(self) -> str:
        """The start, without data that it has in common with what followed."""
        return self.start.removesuffix(f" on {self.data}")

    def beside(self, other: "Training") -> str:
        """What sets it apart from another training, in a few words."""
        if self.by != "project" or other.by != "project":
            return self.words
        parts = []
        if self.recipe != other.recipe:
            parts.append(f"recipe {self.recipe or 'not told'}")
        if self.steps != other.steps:
            parts.append("steps not told" if self.steps is None else plural(self.steps, "step"))
        if self.start != other.start:
            parts.append(self._start or "start not told")
        if self.data != other.data:
            parts.append(f"on {self.data}" if self.data else "data not told")
        return ", ".join(parts)


UNTOLD = Training()


def alike(one: Training, other: Training) -> bool:
    """Whether two networks are known to share recipe, steps, data and start."""
    return one.is_told and other.is_told and one.group == other.group


def read_trainings(records: Iterable[Record]) -> dict[tuple[ReportRow, int], Training]:
    """By row and scale: a network that serves all scales has one training, LapSRN has several.

    The weights' content decides: what the manifest says of a file with these bytes, else what the
    record says, else what the weights' origin tells.
    """
    shipped = {str(entry.get("sha256")): entry.get("training") for entry in curves.manifest()}
    found: dict[tuple[ReportRow, int], Training] = {}
    for record in QUALITY.records(records):
        row, scale = ReportRow.of(record.spec), record.spec.scale
        told = shipped.get(str(record.spec.weights.sha256))
        if not isinstance(told, Mapping) and record.result is not None:
            told = record.result.training
        try:
            training = _training(row, record.spec.weights, told)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue  # It tells something else than a training.
        # Records of one network may tell more or less of it.
        known = found.get((row, scale))
        if known is None or (training.is_told and not known.is_told):
            found[row, scale] = training
    return found


def _start(variant: str, told: Mapping[str, object], earlier: Sequence[object]) -> str:
    """Where it started; that an upsampler of another kind was fresh then is the variant's doing.

    A further stage starts from the network's own weights: what sets it apart is the stage before.
    """
    start = str(told.get("init") or "").partition("; fresh: ")[0]
    before = earlier[-1] if earlier else None
    if not isinstance(before, Mapping) or not curves.goes_on(variant, told):
        return start
    steps = as_number(before.get("steps"))
    stage = f"after {'' if steps is None else plural(int(steps), 'step') + ' of '}{_recipe(before)}"
    data = f"on {before['training_set']}" if before.get("training_set") else ""
    first = _start(variant, before, earlier[:-1]).removesuffix(f" {data}" if data else "")
    words = [f"{stage}," if first.startswith("after ") else stage, first, data]
    return " ".join(filter(None, words))


def _training(row: ReportRow, weights: WeightsIdentity, told: object) -> Training:
    sha256 = weights.sha256 or ""
    if row.is_external:
        return Training("external")
    if not row.has_network:
        return Training("none")
    if row.from_authors:
        return Training("authors", sha256=sha256)
    if isinstance(told, Mapping):
        software = told.get("software")
        steps, seed = as_number(told.get("steps")), as_number(told.get("seed"))
        earlier = told.get("earlier")
        stages = earlier if isinstance(earlier, Sequence) else ()
        return Training(
            by="project",
            recipe=_recipe(told),
            steps=None if steps is None else int(steps),
            data=str(told.get("training_set") or ""),
            start=_start(row.variant, told, stages),
            seed=None if seed is None else int(seed),
            date=str(told.get("date") or "")[:10],
            wall_time_s=as_number(told.get("wall_time_s")),
            device=str(software.get("device") or "") if isinstance(software, Mapping) else "",
            sha256=sha256,
        )
    seed_told = int(row.seed) if row.seed is not None else None
    origin = weights.origin or ""
    if not origin.startswith(BY_THIS_PROJECT):
        return Training("elsewhere", seed=seed_told, sha256=sha256)
    # "trained by this project, recipe NAME, START" or "trained by this project (NAME)".
    rest = origin[len(BY_THIS_PROJECT) :].strip(" ,()")
    recipe, _, start = rest.removeprefix("recipe ").partition(", ")
    return Training("project", recipe, start=start, seed=seed_told, sha256=sha256)


def _recipe(told: Mapping[str, object]) -> str:
    """The recipe's name, and of a distillation the teacher by name and content."""
    recipe, teacher = str(told.get("recipe") or ""), told.get("teacher")
    if not isinstance(teacher, Mapping):
        return recipe
    digests = teacher.get("sha256")
    of = " ".join(str(d)[:8] for d in digests) if isinstance(digests, list) else ""
    return f"{recipe}, teacher {teacher.get('variant')} {of}".strip()
