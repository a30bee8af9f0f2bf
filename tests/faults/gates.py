"""Gates of comparisons: read, and put to figures of any kind."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

from hypothesis import strategies as st

from harness.comparison.gates import FIGURES, parse_gate
from tests.faults.base import HOSTILE_TEXTS, Case, WrongError, command, opens
from tests.faults.generated import generated
from tests.faults.records import sound
from tests.report import synthetic

SPACE = st.sampled_from(("", " ", "\t", "\u00a0", "\n"))
NUMBER = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(("1e999", "-1e-999", ".5", "5.", "+0", "\u0664", "1_0", "0x1", "1e", "")),
)
PARTS = (
    st.one_of(
        st.just(""),
        st.sampled_from(("*:", "cms-*:", "[:", "[!a-:", "ms-lapsrn:", ":", "a:b:")),
        st.sampled_from(HOSTILE_TEXTS).map(lambda text: text + ":"),
    ),
    SPACE,
    st.one_of(st.sampled_from(FIGURES), st.sampled_from(("psnr", "PSNR_Y", "\u212a", ""))),
    SPACE,
    st.sampled_from(("<", "<=", ">", ">=", "=", "==", "<>", "")),
    NUMBER,
    st.sampled_from(("", "%", " %", "%%")),
)
GATES = st.one_of(st.tuples(*PARTS).map("".join), st.text(max_size=60))
CHANGES = (0.0, -0.0, 30.0, 1e308, -1e308, math.inf, -math.inf, math.nan)


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` gates."""
    for text in generated(GATES, seed, n):
        yield Case(ascii(text)[1:160], _run(text))


def _run(text: str) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        if not opens(lambda: parse_gate(text)):
            return False
        gate = parse_gate(text)
        for before in CHANGES:
            for after in CHANGES:
                failed = gate.fails(before, after)
                if math.isnan(after) and not failed:
                    raise WrongError(f"NaN passes, from {before}")
                if before == after and failed != gate.fails(0.0, 0.0):
                    raise WrongError(f"no change is judged in two ways, at {before}")
        results = synthetic.write_run(folder / "run", sound())
        said = command("compare", results, results, f"--fail-if={text}")
        # Nothing has changed: only a gate that no change at all trips makes that fail.
        concerned = any(gate.concerns(name) for name in ("ms-lapsrn", "cms-lapsrn-conv3"))
        if said.code == 1 and concerned and not gate.fails(1.0, 1.0):
            raise WrongError(f"a run fails against itself: {said.err[-200:]}")
        return said.code != 2

    return run
