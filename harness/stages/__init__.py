"""One module per kind of job: load what the job names, measure, return a result."""
