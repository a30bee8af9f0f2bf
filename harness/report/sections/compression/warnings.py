"""What a reader has to know of other trainings of the same networks."""

from harness.report.analysis import Analysis
from harness.report.data import ReportData
from harness.report.sections.compression.seed_groups import Trained, seed_groups, seeds_like
from harness.report.text import joined, plural


def seed_warnings(data: ReportData, analysis: Analysis) -> list[str]:
    """What another training would give: not known, or known from trainings with several seeds."""
    several = [trained for trained in seed_groups(data) if len(trained.members) > 1]
    apart = all(row.seed is None for row in data.rows)
    known = ""
    if several and apart:
        names = list(dict.fromkeys(t.recipe or "seed" for t in several))
        members = [row for trained in several for row in trained.members.values()]
        shown = sum(row in data.rows for row in members)
        others = f"the {len(members) - shown} that are not in the tables" if shown else "they"
        known = (
            f"Seed noise was measured by {plural(len(members), 'training')} ({joined(names)}); "
            f"{others} stand under Seeds and in the list of trainings, and in no other table or "
            "plot."
        )
    bases = {
        base
        for base in analysis.baselines.values()
        if base.seed is None and base.has_network and not base.is_external
    }
    unknown = [
        base
        for base in bases
        if not any(
            len(group.members) > 1
            for group in seeds_like(data, Trained(base.variant, base.label, "", {"": base}))
        )
    ]
    if unknown:
        unknown_words = (
            "Every network of the tables is one training; what another seed would give was not "
            "measured for this recipe and number of steps. Verdicts are about these trained "
            "networks, not about their variants."
        )
        return [f"{unknown_words} {known}".strip()]
    return [known] if known else []
