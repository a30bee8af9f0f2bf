"""How verdicts look: signs and marks that all tables share."""

from collections.abc import Mapping

from harness.statistics.paired import Verdict

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
