"""Train several networks, in turn or side by side, as a plan says.

Stopped anywhere and started again the same way, it continues: finished networks are
passed over, the interrupted one resumes at its checkpoint.
"""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from harness.data.datasets import data_root as known_root
from harness.errors import ConfigError, DataError, HarnessError
from harness.jobs.base import Job
from harness.jobs.executor import Opening
from harness.jobs.executors import get_executor
from harness.networks.weights import TRAINING_FILE
from harness.system.files import make_folder
from harness.system.text import say
from harness.system.yaml import load_yaml, parse_yaml
from harness.training.engine import resolved
from harness.training.entry import TrainingSpec, execute_training, training_job
from harness.training.recipe import LARGEST_SEED, describe, is_there
from harness.training.train import settle
from variants.errors import UnknownNameError, VariantError
from variants.weights.kinds import FORMATS


class Entry(BaseModel):
    """One training of a plan. Its fields are as for ``train``, but for ``init``.

    Attributes:
        init: name of an earlier entry, or a file of weights, as the command line would take it or
            below the data root (where ``data fetch weights`` puts the authors').
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: str
    recipe: str = "fast"
    scale: int | None = None
    seed: int | None = Field(None, ge=0, le=LARGEST_SEED)
    steps: int | None = Field(None, ge=1)
    init: str | None = None

    @property
    def after(self) -> str | None:
        """The earlier entry whose weights it starts from."""
        return None if self.init is None or Path(self.init).suffix in FORMATS else self.init

    def starts_from(self, out: Path, data_root: Path | None) -> Path | None:
        """The file of weights that it starts from, None of one that starts from random numbers.

        Args:
            out: folder of the plan, in which the entry before it is finished.
            data_root: see :class:`Entry`.

        Raises:
            DataError: there is no such file.
        """
        if self.init is None:
            return None
        if self.after is not None:
            return weights_in(out / self.after)
        root = known_root(data_root)
        places = [Path(self.init), *([] if root is None else [root / self.init])]
        for place in places:
            if place.is_file():
                return place
        raise DataError(
            f"there is no file {' and no '.join(map(str, places))} to start from; the networks "
            "that the authors released come with `python -m harness data fetch weights`"
        )


Plan = dict[str, Entry]


def list_plans() -> list[str]:
    """Names of the plans that come with the harness."""
    folder = files("harness.training") / "plans"
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_plan(plan: str) -> Plan:
    """A plan by name or file.

    Raises:
        UnknownNameError: neither a name nor a file.
        ConfigError: not a valid plan, or an entry starts from none before it.
    """
    if plan in list_plans():
        text = (files("harness.training") / "plans" / f"{plan}.yaml").read_bytes()
        content = parse_yaml(text, f"plan {plan}")
    elif is_there(plan):
        content = load_yaml(Path(plan), "plan")
    else:
        raise UnknownNameError("plan", plan, list_plans())
    try:
        entries = TypeAdapter(Plan).validate_python(content)
    except ValidationError as error:
        raise ConfigError(f"plan {plan} is not valid: {describe(error, 'plan')}") from error
    earlier: set[str] = set()
    for name, entry in entries.items():
        if entry.after is not None and entry.after not in earlier:
            raise ConfigError(
                f"plan {plan}: {name} starts from {entry.after}, which is not before it"
            )
        earlier.add(name)
    return entries


def needed(plan: Plan, only: list[str]) -> Plan:
    """The named entries and those that they start from, in the plan's order."""
    wanted: set[str] = set()
    for name in only:
        following: str | None = name
        while following is not None:
            if following not in plan:
                raise UnknownNameError("entry of the plan", following, plan)
            wanted.add(following)
            following = plan[following].after
    return {name: entry for name, entry in plan.items() if name in wanted}


def weights_in(folder: Path) -> Path | None:
    """The finished weights of an entry's folder, None while they are not there."""
    found = sorted(folder.glob("*.safetensors"))
    return found[0] if found and (folder / TRAINING_FILE).is_file() else None


def run_plan(
    plan: Plan,
    out: Path,
    *,
    device: str = "auto",
    data_root: Path | None = None,
    executor: str = "local",
    workers: int = 1,
) -> bool:
    """Train every entry in ``out``/name; a failure is printed and the others go on.

    Args:
        plan: see :func:`load_plan`.
        out: receives a folder for each entry.
        device: what :func:`harness.training.train.train` takes; on other machines a GPU where it is
            ``cuda``, or ``auto`` and there is one.
        data_root: folder with the training sets; the environment's HARNESS_DATA when None.
        executor: as of ``run``: where trainings run.
        workers: how many at a time on this machine; they share its processors, or its GPU.

    Returns:
        Whether all are finished.

    Raises:
        HarnessError: nothing can be executed any more; what was finished is kept.
    """
    module, address = get_executor(executor)
    waiting = {name: entry for name, entry in plan.items() if not weights_in(out / name)}
    if not waiting:
        return True
    make_folder(out)
    done = len(plan) - len(waiting)
    # Beside a GPU a training cuts its patches in a second thread, which has to run meanwhile.
    bound = resolved(device) == "cpu"
    with module.open(Opening(address, workers, out, bound)) as opened:
        if not executor.startswith("local"):
            device = opened.machine(device).device
        failed = 0
        while waiting:
            ready = {n: e for n, e in waiting.items() if not e.after or weights_in(out / e.after)}
            if not ready:
                for name, entry in waiting.items():
                    _tell_failed(name, f"{entry.after}, which it starts from, was not trained")
                return False
            waiting = {name: entry for name, entry in waiting.items() if name not in ready}
            jobs = [*_jobs(ready, out, device, data_root)]
            failed += len(ready) - len(jobs)
            for job, record in opened.completed(execute_training, jobs, ()):
                if record.status == "done":
                    done += 1
                    minutes = f"{record.seconds / 60:.1f} min"
                    opened.tell(
                        f"Trained: {job.spec.names()[0]} ({minutes}; {done} of {len(plan)})"
                    )
                else:
                    failed += 1
                    _tell_failed(job.spec.names()[0], record.reason or record.status)
    return not failed


def _jobs(
    ready: Plan, out: Path, device: str, data_root: Path | None
) -> Iterator[Job[TrainingSpec]]:
    """Trainings that can begin; what is wrong with others is printed."""
    for name, entry in ready.items():
        try:
            recipe = settle(entry.recipe, entry.seed, entry.steps)
            init = entry.starts_from(out, data_root)
            yield training_job(
                name, entry.variant, entry.scale, recipe, init, out, device, data_root
            )
        except (HarnessError, VariantError) as error:
            _tell_failed(name, str(error))


def _tell_failed(name: str, reason: str) -> None:
    say(f"Failed: {name}: {reason}", err=True)
