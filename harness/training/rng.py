"""Random numbers that depend on where they are used and on nothing else.

A sample's randomness follows from (seed, step, index), so a resumed run, or one spread over
several processes, draws exactly what an uninterrupted single process would.
"""

import numpy as np

# Indices of samples start at 0; this draw belongs to the whole step.
SCALE = 2**32


def generator(seed: int, step: int, index: int) -> np.random.Generator:
    """The generator of one sample (or of ``SCALE``) in one step."""
    # The counter's lowest word advances while drawing, so the step goes into the second.
    return np.random.Generator(np.random.Philox(key=[seed, index], counter=[0, step, 0, 0]))
