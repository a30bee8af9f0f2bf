"""Pictures jobs: crops of SR images."""
