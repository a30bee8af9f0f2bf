"""What changed between two runs, by the statistics of the report; gates for CI. No torch."""

from harness.comparison.gates import Gate, parse_gate
from harness.comparison.output import Comparison
from harness.comparison.runs import compare_runs

__all__ = ["Comparison", "Gate", "compare_runs", "parse_gate"]
