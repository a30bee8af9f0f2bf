"""The paper's matrix, one job after the other and on two Ray nodes of this machine.

    python -m tests.cluster.matrix FOLDER [--limit N] [--datasets A,B] [--variants all]

Both runs go on where they stopped when the same folder is given. The first node has all images,
the second lacks every other one, so that it has to be sent them. Tables must be the same bit by
bit, but for wall times; what was compared goes to results/cluster/matrix.json. HARNESS_DATA is
needed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

from harness.data.datasets import find_dataset
from harness.system.environment import device_name
from tests.cluster.conftest import Cluster, command, free_port, tables

OUT = Path("results/cluster/matrix.json")


def copy_images(datasets: list[str], limit: int, folder: Path, every: int) -> None:
    """Links to the first images of datasets in a data folder of a node, or to every second."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in datasets:
        (folder / name).mkdir(parents=True)
        for path in find_dataset(name).images[:limit:every]:
            (folder / name / path.name).symlink_to(path.resolve())


def run(words: list[str], results: Path, *more: str) -> None:
    """Measure, and end this program where that fails."""
    done = subprocess.run(command("run", *words, "--results", results, *more), check=False)
    if done.returncode:
        sys.exit(done.returncode)


def differing(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> tuple[int, int]:
    """How many cells two runs have in common, and how many of all differ."""
    alike = unlike = 0
    for name, frame in one.items():
        if frame.shape != other[name].shape or [*frame] != [*other[name]]:
            unlike += max(frame.size, other[name].size)
            continue
        same = frame.to_numpy() == other[name].to_numpy()
        alike, unlike = alike + int(same.sum()), unlike + int((~same).sum())
    return alike, unlike


def main() -> int:
    """Exit code 1 if any cell differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.matrix", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=5)
    parser.add_argument("--datasets", default="Set5,Set14,BSDS100,Urban100")
    parser.add_argument("--variants", default="all")
    options = parser.parse_args()
    datasets = options.datasets.split(",")
    folder = options.folder.resolve()
    words = [
        *("--variants", options.variants, "--datasets", options.datasets, "--device", "cpu"),
        *("--scales", "2,4,8", "--limit", str(options.limit), "--only", "cost,quality"),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder, free_port())
    try:
        for every, name in enumerate(("first", "second"), 1):
            copy_images(datasets, options.limit, folder / name / "data", every)
            cluster.start(name)
        run(words, folder / "ray", "--executor", cluster.executor)
        sent = {node.folder.name: len(node.cached) for node in cluster.nodes}
    finally:
        cluster.stop()
    run(words, folder / "serial")
    alike, unlike = differing(tables(folder / "serial"), tables(folder / "ray"))
    quality = tables(folder / "ray")["quality.csv"]
    quality = quality[quality["psnr_y"] != ""]
    found = {
        "limit": options.limit,
        "datasets": datasets,
        "variants": sorted(set(quality["variant"])),
        "quality jobs": len(quality),
        "cells alike": alike,
        "cells that differ": unlike,
        "files sent to a node": sent,
        "processor": device_name("cpu"),
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(json.dumps(found, indent=1))
    return 1 if unlike else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
