"""Which weights are trainings of one recipe with different seeds.

Weights belong together if their labels differ only in a seed at the end: ``NAME_seed1``,
``NAME-seed2``.
"""

import re

_LABEL = re.compile(r"(?i)^(?P<stem>.*?)[-_.]?seed[-_]?(?P<seed>\d+)$")


def recipe_and_seed(label: str) -> tuple[str, str] | None:
    """Recipe and seed that the label of weights tells; None where it tells no seed."""
    match = _LABEL.match(label)
    return (match["stem"], match["seed"]) if match else None
