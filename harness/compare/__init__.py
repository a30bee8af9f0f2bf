"""What changed between two runs, by the statistics of the report; gates for CI. No torch."""

from harness.compare.gates import Gate, parse_gate
from harness.compare.output import Comparison
from harness.compare.runs import compare_runs

__all__ = ["Comparison", "Gate", "compare_runs", "parse_gate"]
