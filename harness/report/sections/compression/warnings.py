"""What a reader has to know of other trainings of the same networks."""

from harness.report.analysis import Analysis
from harness.report.data import ReportData
from harness.report.sections.compression.seed_groups import seed_groups
from harness.report.text import joined, plural


def seed_warnings(data: ReportData, analysis: Analysis) -> list[str]:
    """What another training would give: unknown, or known from short ones."""
    trained = seed_groups(data)
    apart = all(row.seed is None for row in data.rows)
    if any(len(t.members) > 1 for t in trained):
        names = list(dict.fromkeys(t.recipe or "seed" for t in trained))
        networks = sum(len(t.members) for t in trained)
        sentence = f"The seed noise is that of {plural(networks, 'short training')} "
        sentence += f"({joined(names)}). "
        if apart:
            sentence += (
                "They are in the tables of shared weights and of seeds only; the networks of the "
                "other tables are one longer training each, which may vary less or more."
            )
        return [sentence.strip()]
    if analysis.baselines and apart:
        return [
            (
                "Every network is one training, with one seed: verdicts are about these trained "
                "networks, not about what another training of the same variant would give."
            )
        ]
    return []
