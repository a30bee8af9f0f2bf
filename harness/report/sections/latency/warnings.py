"""What a reader has to know of the latencies before believing them."""

from harness.measure import BUSY_PERCENT
from harness.report.data import ReportData
from harness.report.text import fraction, number, some


def latency_warnings(data: ReportData) -> list[str]:
    """What was measured on a busy machine, and what was not known well enough in the time."""
    done = [cell for cell in data.latency if cell.status == "done"]
    found = []
    busy = [b for c in done if (b := c.figure("busy_percent") or 0.0) > BUSY_PERCENT]
    if busy:
        found.append(
            f"Other programs used up to {number(max(busy), 0)} % of the processors while latency "
            f"was measured ({fraction(len(busy), len(done), 'row')}; more than {BUSY_PERCENT} % "
            "is busy): expect noise, and measure again on a quiet machine."
        )
    noisy = [cell for cell in done if cell.is_noisy]
    if noisy:
        # Other machines have rows of the same names.
        names = list(dict.fromkeys(f"{cell.title} {cell.scale}\u00d7" for cell in noisy))
        found.append(
            f"Latency is noisy in {fraction(len(noisy), len(done), 'row')}: the median was not "
            f"known to the target in the time allowed. Noisy: {some(names)}."
        )
    return found
