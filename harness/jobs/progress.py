"""Progress for people: a bar on a terminal, plain lines otherwise."""

import sys

from tqdm import tqdm

from harness.jobs.base import Job, Record
from harness.metrics.registry import phrases
from harness.system.text import printable, say


class JobProgress:
    """Counts jobs; on a terminal a bar with the lines above it."""

    def __init__(self) -> None:
        self.total, self.done = 0, 0
        self.bar = tqdm(total=0, unit="job", disable=not sys.stderr.isatty(), leave=False)

    def expect(self, n_jobs: int) -> None:
        """So many more jobs will come."""
        self.total += n_jobs
        self.bar.total = self.total
        self.bar.refresh()

    def update(self, job: Job, record: Record, reused: bool) -> None:
        """Note a finished job; one that was recorded before counts without a line of its own."""
        self.done += 1
        self.bar.update()
        if reused:
            return
        line = f"[{self.done:>{len(str(self.total))}}/{self.total}] {job.title}: {outcome(record)}"
        if self.bar.disable:
            say(line, err=True)
        else:
            self.bar.write(printable(line), file=sys.stderr)

    def close(self) -> None:
        self.bar.close()


def outcome(record: Record) -> str:
    """One phrase about a record."""
    result = record.result
    if record.status == "failed":
        return f"FAILED: {record.reason}"
    if record.status != "done":
        return record.reason or record.status
    figures = {
        "quality": lambda: phrases(result),
        "cost": lambda: f"{result['params']:,} parameters, {result['macs'] / 1e9:.1f} G MACs",
        "latency": lambda: f"{result['median_ms']:.1f} ms, n = {result['n']}",
    }
    text = figures[record.kind]() if record.kind in figures else "done"
    return f"{text} ({record.seconds:.1f} s)"
