"""All kinds of job: a folder here with a ``kind.py``, which declares it as ``KIND``."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from harness import jobs

if TYPE_CHECKING:
    from harness.jobs.base import JobKind


def kind_names() -> list[str]:
    """The names of all kinds, sorted; imports none of them."""
    declared = (path for folder in jobs.__path__ for path in Path(folder).glob("*/kind.py"))
    return sorted({path.parent.name for path in declared})


@cache
def kinds() -> "dict[str, JobKind]":
    """All kinds by name, in the order in which their jobs are executed.

    Raises:
        ValueError: one builds on what is no kind before it.
    """
    found: list[JobKind] = [
        import_module(f"{jobs.__name__}.{name}.kind").KIND for name in kind_names()
    ]
    ordered = {kind.name: kind for kind in sorted(found, key=lambda kind: (kind.order, kind.name))}
    names = list(ordered)
    for place, name in enumerate(names):
        base = ordered[name].builds_on
        if base is not None and base not in names[:place]:
            raise ValueError(f"the kind of job {name} builds on {base}, which is no kind before it")
    return ordered
