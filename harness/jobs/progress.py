"""Progress for people: a bar on a terminal, plain lines otherwise."""

import sys

from tqdm import tqdm

from harness.jobs.base import Job, Record
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
        line = f"[{self.done:>{len(str(self.total))}}/{self.total}] {job.title}: {record.summary}"
        self.tell(line)

    def tell(self, line: str) -> None:
        """Show a line above the bar."""
        if self.bar.disable:
            say(line, err=True)
        else:
            self.bar.write(printable(line), file=sys.stderr)

    def close(self) -> None:
        self.bar.close()
