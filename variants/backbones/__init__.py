"""One file per backbone; a file that is here is discovered by the registry.

Its name is the backbone's, with underscores for hyphens.
"""
