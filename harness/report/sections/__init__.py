"""One folder per section; a folder that is here is found by :mod:`harness.report.section`."""
