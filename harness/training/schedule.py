"""Train several networks in turn, as a plan says.

Stopped anywhere and started again the same way, it continues: finished networks are
passed over, the interrupted one resumes at its checkpoint.
"""

from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from harness.errors import ConfigError, HarnessError
from harness.networks.weights import TRAINING_FILE
from harness.system.text import say
from harness.system.yaml import load_yaml, parse_yaml
from harness.training.recipe import LARGEST_SEED, describe, is_there
from harness.training.train import TrainResult, train
from variants.errors import UnknownNameError, VariantError


class Entry(BaseModel):
    """One training of a plan; ``init`` is the name of an earlier entry. Else as for ``train``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: str
    recipe: str = "fast"
    scale: int | None = None
    seed: int | None = Field(None, ge=0, le=LARGEST_SEED)
    steps: int | None = Field(None, ge=1)
    init: str | None = None


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
        if entry.init is not None and entry.init not in earlier:
            raise ConfigError(
                f"plan {plan}: {name} starts from {entry.init}, which is not before it"
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
            following = plan[following].init
    return {name: entry for name, entry in plan.items() if name in wanted}


def weights_in(folder: Path) -> Path | None:
    """The finished weights of an entry's folder, None while they are not there."""
    found = sorted(folder.glob("*.safetensors"))
    return found[0] if found and (folder / TRAINING_FILE).is_file() else None


def run_plan(plan: Plan, out: Path, *, device: str = "auto", data_root: Path | None = None) -> bool:
    """Train every entry in ``out``/name; a failure is printed and the others go on.

    Returns:
        Whether all are finished.
    """
    complete = True
    for name, entry in plan.items():
        if weights_in(out / name):
            continue
        try:
            _train(entry, out / name, out, device, data_root)
        except (HarnessError, VariantError) as error:
            complete = False
            say(f"Failed: {name}: {error}", err=True)
    return complete


def _train(
    entry: Entry, folder: Path, out: Path, device: str, data_root: Path | None
) -> TrainResult:
    init = None
    if entry.init is not None:
        init = weights_in(out / entry.init)
        if init is None:
            raise ConfigError(f"{entry.init}, which it starts from, was not trained")
    return train(
        entry.variant,
        recipe=entry.recipe,
        init=init,
        out=folder,
        device=device,
        data_root=data_root,
        scale=entry.scale,
        seed=entry.seed,
        steps=entry.steps,
    )
