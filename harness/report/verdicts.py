"""The one source of verdicts, and how they look: signs, marks and words that all tables share."""

from collections.abc import Mapping

from harness.metrics.metric import Metric
from harness.report.text import number
from harness.statistics.bootstrap import Float64Array
from harness.statistics.paired import Paired, Verdict, compare_paired

SIGNS: Mapping[Verdict, str] = {
    "better": "\u25b2",
    "worse": "\u25bc",
    "no difference shown": "=",
    "no verdict": "",
}
MARKS: Mapping[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "no difference shown": "same",
    "no verdict": "quiet",
}


def speed_bounds(low: float, high: float) -> str:
    """An interval of a speed ratio in words: ``4.1 % slower to 2.3 % faster``.

    Args:
        low: the other's time over ours, above 1 is faster.
        high: the upper end.
    """
    if low >= _TIMES or high <= 1 / _TIMES:
        word = "fast" if low >= 1 else "slow"
        ends = (low, high) if low >= 1 else (1 / high, 1 / low)
        return f"{' to '.join(dict.fromkeys(number(e, 2) for e in ends))} times as {word}"
    words = [_percent(value) for value in (low, high)]
    if words[0] == words[1]:
        return words[0]
    if (low < 1) == (high < 1):
        word = " slower" if low < 1 else " faster"
        first, last = sorted((low, high), key=lambda value: abs(value - 1))
        return f"{_percent(first).removesuffix(word)} to {_percent(last)}"
    return " to ".join(words)


_TIMES = 1.5
"""From here on a speed is told as a multiple: nobody thinks in 180 % faster."""


def _percent(ratio: float) -> str:
    """How much faster or slower a speed ratio is."""
    share = number(100 * abs(ratio - 1), 1)
    if share == number(0.0, 1):
        return "equally fast"
    return f"{share} % {'slower' if ratio < 1 else 'faster'}"


def compare(metric: Metric, ours: Float64Array, base: Float64Array) -> list[Paired]:
    """Each column (n images x m) against the baseline (n images), as a metric is read.

    Means that are equal in the printed digits tie. The equivalence margin is the tolerance within
    which a mean counts as the paper's: for PSNR 0.05 dB, half of the 0.1 dB that papers of the
    field report as a gain.
    """
    return compare_paired(
        ours,
        base,
        higher_is_better=metric.higher_is_better,
        resolution=0.5 * 10.0**-metric.digits,
        margin=metric.tolerance,
    )


def psnr_figures(paired: Paired) -> dict[str, str | float | None]:
    """What CSV has beside a mean difference in PSNR: its interval, p and verdict."""
    return {
        "delta_psnr_db_low": paired.low,
        "delta_psnr_db_high": paired.high,
        "p_holm": paired.p_holm,
        "verdict": paired.verdict,
    }


def margin_words(metric: Metric) -> str:
    """``within ±0.05 dB``; empty for a metric without a margin."""
    if metric.tolerance is None:
        return ""
    return f"within ±{metric.tolerance:g}{f' {metric.unit}' if metric.unit else ''}"
