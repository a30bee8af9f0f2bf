"""How to cite the harness and what it measures: ``CITATION.cff`` in words."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from harness.report.text import joined


@cache
def citations() -> Sequence[str]:
    """One sentence per work, the harness first."""
    package = files("harness")
    # Installed, it lies inside the package; in a checkout beside it.
    places = (package.joinpath("CITATION.cff"), package.joinpath("..", "CITATION.cff"))
    text = next(place.read_text("utf-8") for place in places if place.is_file())
    content = yaml.safe_load(text)
    return tuple(_sentence(work) for work in [content, *content.get("references", [])])


def _sentence(work: Mapping[str, Any]) -> str:
    names = [
        f"{author['given-names']} {author['family-names']}"
        if "family-names" in author
        else str(author["name"])
        for author in work["authors"]
    ]
    year = work.get("year") or str(work.get("date-released", ""))[:4]
    where = work.get("journal") or work.get("collection-title") or work.get("notes")
    version = f"Version {work['version']}" if "version" in work else ""
    rest = ", ".join(str(part) for part in (where, version, year) if part)
    return f"{joined(names)}: {work['title']}.{f' {rest}.' if rest else ''}"
