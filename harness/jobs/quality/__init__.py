"""Quality jobs: every metric over a dataset."""
