"""The networks that LapSRN's authors released: which variant each is, and getting them."""

from collections.abc import Iterable
from pathlib import Path

from harness.data.fetch import fetch, target_of
from harness.data.sources import GITHUB, Source, sources_of
from harness.errors import ConfigError, DataError
from harness.networks.weights import WeightsFile, chosen_files
from variants.catalog import get_variant
from variants.weights.store import find_shipped

RELEASED: dict[str, dict[int | None, str]] = {
    "lapsrn": {2: "LapSRN_x2.mat", 4: "LapSRN_x4.mat", 8: "LapSRN_x8.mat"},
    "ms-lapsrn": {None: "MSLapSRN_D5R2.mat"},
    "ms-lapsrn-d5r5": {None: "MSLapSRN_D5R5.mat"},
    "ms-lapsrn-d5r8": {None: "MSLapSRN_D5R8.mat"},
}
"""By variant and scale, None for a network of all scales: files of the sources ``weights``."""


def released_for(variant: str, scales: Iterable[int]) -> dict[int | None, str]:
    """The released files of a variant that serve some of the scales."""
    wanted = {None, *scales}
    return {scale: file for scale, file in RELEASED.get(variant, {}).items() if scale in wanted}


def authors_weights(
    variants: Iterable[str],
    scales: Iterable[int],
    brought: Iterable[WeightsFile],
    root: Path,
    base_url: str = GITHUB,
) -> tuple[WeightsFile, ...]:
    """Fetch the released networks of some variants, to be measured beside other weights.

    Args:
        variants: names.
        scales: some of 2, 4 and 8.
        brought: the user's files, which stay.
        root: the released files lie in its folder ``weights``; what is there already, with the
            right SHA-256, is not fetched.
        base_url: a server of ``REPO/COMMIT/PATH``.

    Returns:
        ``brought``, the files that ship for these variants where the user brought none, and the
        released ones.

    Raises:
        ConfigError: no variant has a released network.
        DataError: a file cannot be fetched, or another one has its name.
    """
    scales, files = tuple(scales), list(brought)
    wanted = {name: found for name in variants if (found := released_for(name, scales))}
    if not wanted:
        raise ConfigError(
            "--authors-weights has nothing for the variants and scales of this run: released are "
            f"{', '.join(RELEASED)}"
        )
    sources = {source.file: source for source in sources_of("weights")}
    needed = [sources[file] for found in wanted.values() for file in found.values()]
    _fetch(needed, root, base_url)
    for name, found in wanted.items():
        # A file of the user's takes the place of what ships, and one for a scale that of one for
        # all; the authors' is no such file.
        mine = {scale: chosen_files(get_variant(name), scale, brought) for scale in scales}
        files = [file for file in files if not any(file in chosen for chosen in mine.values())]
        for scale, chosen in mine.items():
            shipped = find_shipped(name, scale)
            if shipped is not None and not chosen:
                chosen = [WeightsFile(variant=name, scale=scale, path=shipped.path)]
            files += [file.model_copy(update={"scale": scale}) for file in chosen]
        for own, file in found.items():
            path = target_of(sources[file], root)
            served = scales if own is None else (own,)
            files += [WeightsFile(variant=name, scale=scale, path=path) for scale in served]
    return tuple(files)


def _fetch(sources: list[Source], root: Path, base_url: str) -> None:
    report = fetch(sources, root, base_url)
    reasons = [reason for _, reason in report.failed]
    reasons += [
        f"{target_of(source, root)} has other bytes than the released network; move it away"
        for source in report.kept
    ]
    if reasons:
        raise DataError(f"--authors-weights: {'; '.join(reasons)}")
