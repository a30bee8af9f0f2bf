"""Which weights are trainings of one recipe with different seeds.

Weights belong together if their labels differ only in a seed at the end: ``NAME_seed1``,
``NAME-seed2``. A spec that holds ``weights.recipe`` and ``weights.seed`` says it itself, and
needs no such label.
"""

import re
from collections.abc import Mapping

_LABEL = re.compile(r"(?i)^(?P<stem>.*?)[-_.]?seed[-_]?(?P<seed>\d+)$")


def family(weights: Mapping[str, object]) -> tuple[str, str] | None:
    """(recipe, seed) of a spec's weights; None where no seed is told."""
    recipe, seed = weights.get("recipe"), weights.get("seed")
    if recipe is not None and seed is not None:
        return str(recipe), str(seed)
    match = _LABEL.match(str(weights.get("label") or ""))
    return (match["stem"], match["seed"]) if match else None
