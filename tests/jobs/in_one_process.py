"""Several commands in one process: what takes long is importing torch."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_CODE = """
import contextlib, io, json, sys
from harness.cli import main
told = []
for arguments in json.load(sys.stdin):
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code
    told.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(told))
"""


def in_one_process(
    folder: Path,
    commands: Sequence[Sequence[str]],
    before: str = "",
    environment: Mapping[str, str] | None = None,
) -> list[tuple[int, str, str]]:
    """Exit codes, output and messages of ``harness`` commands, one after the other in a folder.

    Args:
        folder: the working folder.
        commands: their arguments.
        before: Python code that is executed first.
        environment: more variables.
    """
    done = subprocess.run(
        [sys.executable, "-c", before + _CODE],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(one) for one in json.loads(done.stdout)]
