"""Options of a run that change nothing in it: said, lest somebody reads figures as theirs."""

from collections.abc import Iterable

from harness.backends import AUTO, DEFAULT_BACKEND, recorded_dtype
from harness.jobs.base import Job
from harness.jobs.config import RunConfig
from harness.jobs.kinds import kinds

_OF_IMAGES = {
    "dataset_folders": "--dataset",
    "datasets": "--datasets",
    "limit": "--limit",
    "metrics": "--metrics",
    "protocols": "--protocol",
    "save_images": "--save-images",
    "workers": "--workers",
}


def idle_options(config: RunConfig) -> list[str]:
    """Sentences on options that no kind of job that was asked for depends on."""
    asked = [kinds()[name] for name in config.only]
    idle: list[str] = []
    if not any(kind.needs_weights for kind in asked):
        idle += _given(config, {"weights": "--weights"})
    if not any(kind.on_images for kind in asked):
        idle += _given(config, _OF_IMAGES)
    if "pictures" not in config.only:
        idle += _given(config, {"pictures": "--pictures"})
    parts = [kind.name for kind in kinds().values() if kind.options and kind not in asked]
    idle += _given(config, {name: f"what is set for {name}" for name in parts})
    sentences = []
    if idle:
        verb = "changes" if len(idle) == 1 else "change"
        depends = "does" if len(asked) == 1 else "do"
        names = _listed(kind.name for kind in asked)
        sentences.append(f"{_listed(idle)} {verb} nothing here: {names} {depends} not depend on it")
    executor = config.executor.partition(":")[0]
    if config.workers != 1 and executor != "local" and "--workers" not in idle:
        sentences.append(f"--workers changes nothing with --executor {executor}")
    if config.train == "none" and "recipe" in config.model_fields_set:
        sentences.append("--recipe changes nothing without --train missing")
    return sentences


def idle_ways(config: RunConfig, jobs: Iterable[Job]) -> list[str]:
    """Sentences on dtypes and backends that no job computes in."""
    jobs = list(jobs)
    dtypes, backends = ({getattr(j.spec, key) for j in jobs} for key in ("dtype", "backend"))
    idle = [f"--dtype {name}" for name in config.dtypes if recorded_dtype(name) not in dtypes]
    idle += [_of_backend(name, config) for name in config.backends if name not in backends]
    usual = ("--dtype fp32", f"--backend {DEFAULT_BACKEND}", f"--backend {AUTO}")
    idle = [way for way in idle if way not in usual]
    return [f"{way} changes nothing here: no job computes in it" for way in idle]


def _of_backend(name: str, config: RunConfig) -> str:
    return "--fold" if name == "folded" and config.fold else f"--backend {name}"


def _given(config: RunConfig, options: dict[str, str]) -> list[str]:
    """Of options by field, those that are not what they are without being given."""
    fields = type(config).model_fields
    return [
        option
        for name, option in options.items()
        if getattr(config, name) != fields[name].get_default(call_default_factory=True)
    ]


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
