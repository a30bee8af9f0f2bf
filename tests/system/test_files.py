"""Files are replaced whole, with the permissions of any new file, and nothing else is touched."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.system.files import make_folder, remove_stale, replacing, write_atomically, write_json


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
def test_permissions_are_what_the_umask_leaves(tmp_path: Path, umask: int) -> None:
    code = (
        f"import os, pathlib; os.umask({umask}); from harness.system.files import write_atomically;"
        f"write_atomically(pathlib.Path({str(tmp_path / 'a')!r}), 'x')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "日" * 85, "😀" * 63])
def test_the_longest_names_can_be_written(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, "x")
    assert _names(tmp_path) == {name}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, OSError])
def test_an_error_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "a").write_text("old")
    try:
        with replacing(tmp_path / "a") as file:
            file.write(b"new")
            raise error
    except error:
        pass
    else:
        pytest.fail("the error was swallowed")
    assert (tmp_path / "a").read_text() == "old"
    assert _names(tmp_path) == {"a"}


def test_a_link_is_replaced_and_its_target_left(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "a").symlink_to("victim")
    write_atomically(tmp_path / "a", "new")
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "a").is_symlink()


def test_links_planted_under_foreseeable_names_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    seen = set()
    for _ in range(20):
        with replacing(tmp_path / "a") as file:
            seen.add(Path(file.name).name)
    assert len(seen) == 20
    for name in seen:
        (tmp_path / name).symlink_to("victim")
    for _ in range(20):
        write_atomically(tmp_path / "a", "new")
    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO here")
def test_what_is_no_regular_file_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    (tmp_path / "folder").mkdir()
    before = _names(tmp_path)
    for name in before:
        with pytest.raises(OSError, match=r"regular|directory"):
            write_atomically(tmp_path / name, "x")
    assert _names(tmp_path) == before
    assert (tmp_path / "fifo").is_fifo()


def test_text_that_is_no_unicode_can_be_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", "caf\udce9.png")
    assert (tmp_path / "a").read_bytes() == b"caf?.png"
    write_json(tmp_path / "b", {"name": "caf\udce9"})


def test_stale_files_go_and_others_stay(tmp_path: Path) -> None:
    stale, fresh = tmp_path / ".harness-0123.tmp", tmp_path / ".harness-4567.tmp"
    others = [tmp_path / name for name in (".mine.tmp", "harness.tmp", "a.json")]
    for path in (stale, fresh, *others):
        path.write_text("x")
    os.utime(stale, (time.time() - 60, time.time() - 60))
    remove_stale(tmp_path, older_than_s=30)
    assert _names(tmp_path) == {path.name for path in (fresh, *others)}
    remove_stale(tmp_path)
    assert _names(tmp_path) == {path.name for path in others}
    remove_stale(tmp_path / "absent")


def test_stale_files_behind_a_link_stay(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".harness-0123.tmp").write_text("x")
    (tmp_path / "link").symlink_to("elsewhere")
    remove_stale(tmp_path / "link")
    assert _names(tmp_path / "elsewhere") == {".harness-0123.tmp"}


def test_a_folder_of_our_own_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "a").write_text("mine")
    (tmp_path / "link").symlink_to("victim")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("link", "dangling", "new/below"):
        make_folder(tmp_path / name)
        make_folder(tmp_path / name)
        write_atomically(tmp_path / name / "a", "new")
    assert (tmp_path / "victim" / "a").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_only_a_writer_that_lives_keeps_its_file(tmp_path: Path) -> None:
    old = time.time() - 60
    killed = tmp_path / ".harness-0.tmp"
    killed.touch()
    with replacing(tmp_path / "target") as file:
        for path in tmp_path.glob(".harness-*.tmp"):
            os.utime(path, (old, old))
        remove_stale(tmp_path, older_than_s=1.0)
        assert not killed.exists()
        file.write(b"whole")
    assert (tmp_path / "target").read_bytes() == b"whole"
