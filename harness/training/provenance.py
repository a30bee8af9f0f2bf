"""What a trained network came from: code and software."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch


def source_commit() -> str | None:
    """The commit of the checkout that this code runs from; None when installed from a wheel."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def software(device: torch.device) -> dict[str, str]:
    """Versions and the kind of device."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "lightning-fabric": version("lightning-fabric"),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": str(torch.get_num_threads()),
    }
