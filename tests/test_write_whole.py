"""Every file is written whole or not at all, and what is no file is never replaced."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bakeoff.errors import StoreFullError, UsageError
from bakeoff.files import must_be_writable, replacing, write_whole

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="pipes, links and signals")
WRITE_BIG = "import sys; from bakeoff.files import write_whole; write_whole(sys.argv[1], b'n' * {})"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path) -> None:
    target = tmp_path / "a.txt"
    write_whole(target, "größer\n")
    assert target.read_bytes() == "größer\n".encode()
    write_whole(target, b"\x00\xff")
    assert target.read_bytes() == b"\x00\xff"
    assert list(tmp_path.iterdir()) == [target]


def test_a_word_that_utf8_cannot_hold_is_written_escaped(tmp_path) -> None:
    write_whole(tmp_path / "a.txt", os.fsdecode(b"class \xff"))
    assert (tmp_path / "a.txt").read_text() == r"class \udcff"


def test_the_longest_names_can_be_written(tmp_path) -> None:
    target = tmp_path / ("ü" * 127)
    write_whole(target, "text")
    assert target.read_text() == "text"


@needs_posix
def test_a_new_file_has_the_permissions_that_the_umask_leaves(tmp_path) -> None:
    program = f"import os; os.umask(0o027); {WRITE_BIG.format(1)}"
    subprocess.run([sys.executable, "-c", program, tmp_path / "a"], check=True)
    assert mode(tmp_path / "a") == 0o640


@needs_posix
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    target.chmod(0o600)
    write_whole(target, "new")
    assert (mode(target), target.read_text()) == (0o600, "new")


@needs_posix
def test_a_link_is_followed_and_stays_a_link(tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link, real = tmp_path / "link", tmp_path / "elsewhere" / "real"
    link.symlink_to("elsewhere/real")
    for content in ("through a link to nothing yet", "through a link to a file"):
        write_whole(link, content)
        assert link.is_symlink()
        assert real.read_text() == content
    assert [entry.name for entry in real.parent.iterdir()] == ["real"]


@needs_posix
def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    must_be_writable(pipe)  # and does not wait for a reader
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, "down the pipe")
    reader.join()
    assert read == [b"down the pipe"]
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@needs_posix
def test_a_device_is_written_into_and_stays_a_device(tmp_path) -> None:
    leader, follower = os.openpty()
    try:
        device, link = Path(os.ttyname(follower)), tmp_path / "terminal"
        link.symlink_to(device)
        before = device.stat()
        must_be_writable(link)
        write_whole(link, "to the terminal\n")
        assert os.read(leader, 100) == b"to the terminal\r\n"
        assert os.path.samestat(device.stat(), before)
    finally:
        os.close(leader)
        os.close(follower)


@needs_posix
def test_standard_output_that_the_shell_sends_to_a_file_is_added_to(tmp_path) -> None:
    """As ``--csv /dev/stdout >> all.csv``: what the file holds stays, what is printed comes behind."""
    target, link = tmp_path / "all.txt", tmp_path / "standard-output"
    target.write_text("before\n")
    link.symlink_to(target)
    program = (
        "import sys; from bakeoff.files import write_whole; print('first'); "
        "write_whole(sys.argv[1], 'whole\\n'); print('last')"
    )
    with target.open("a") as output:
        subprocess.run([sys.executable, "-c", program, link], stdout=output, check=True)
    assert target.read_text() == "before\nfirst\nwhole\nlast\n"


@needs_posix
def test_standard_output_that_is_a_pipe_is_written_into(tmp_path) -> None:
    """As ``--csv >(gzip > all.csv.gz)``: the link in ``/proc`` names a file that is not there."""
    link = tmp_path / "standard-output"
    link.symlink_to("/proc/self/fd/1")
    program = (
        "import sys; from bakeoff.files import must_be_writable, write_whole; "
        "must_be_writable(sys.argv[1]); write_whole(sys.argv[1], 'whole')"
    )
    done = subprocess.run([sys.executable, "-c", program, link], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("whole", "")
    assert link.is_symlink()


@needs_posix
@pytest.mark.parametrize("write", [write_whole, lambda path, _: must_be_writable(path)])
def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path, write) -> None:
    import socket

    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        before = sorted(tmp_path.iterdir())
        for name, why in {
            ".": "Is a directory",
            "missing/file": "there is no such folder",
            "file/file": "Not a directory",
            "loop": "Too many levels of symbolic links",
            "socket": "it is no file, pipe or terminal",
            "null\0": "null",
            "n" * 300: "File name too long",
        }.items():
            with pytest.raises(UsageError, match=why) as caught:
                write(tmp_path / name, b"x")
            assert "cannot be written" in str(caught.value)
            assert "\n" not in str(caught.value)
        assert sorted(tmp_path.iterdir()) == before


@needs_posix
def test_a_file_or_folder_closed_to_the_user_is_refused_and_stays(tmp_path_factory) -> None:
    """Root may write everywhere, so it steps down for this."""
    program = """
import os, sys
from pathlib import Path
from bakeoff.errors import UsageError
from bakeoff.files import must_be_writable, write_whole
if os.getuid() == 0:
    os.setuid(65534)
for path in sys.argv[1:]:
    for attempt in (must_be_writable, lambda path: write_whole(path, b'new')):
        try:
            attempt(path)
            print('written')
        except UsageError as error:
            assert 'Permission denied' in str(error), error
"""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="bakeoff-test-"))  # pytest's own are closed to others
    try:
        folder.chmod(0o777)
        closed = folder / "closed"
        closed.mkdir(mode=0o755)
        (closed / "open file").touch()
        (closed / "open file").chmod(0o666)
        (folder / "read only").write_text("old")
        (folder / "read only").chmod(0o444)
        closed.chmod(0o555)
        paths = [folder / "read only", closed / "new", closed / "open file"]
        done = subprocess.run(
            [sys.executable, "-c", program, *paths], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert (folder / "read only").read_text() == "old"
    finally:
        closed.chmod(0o755)
        shutil.rmtree(folder)


@needs_posix
def test_a_limit_on_file_sizes_is_a_full_disk_and_keeps_the_old_file(tmp_path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    program = f"""
import resource
from bakeoff.errors import StoreFullError
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    {WRITE_BIG.format(20_000)}
except StoreFullError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, target], capture_output=True, text=True, check=True
    )
    assert "no space left" in done.stdout
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_or_interruption_while_it_is_written_leaves_what_was_there(tmp_path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    for error in (KeyboardInterrupt, ValueError):
        with pytest.raises(error), replacing(target) as file:
            file.write(b"half")
            raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@needs_posix
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path) -> None:
    target = tmp_path / "a.txt"
    size = 3_000_000
    target.write_bytes(b"o" * size)
    program = (
        "import sys; from bakeoff.files import write_whole; print('go', flush=True)\n"
        f"for content in (b'n' * {size}, b'o' * {size}) * 1000:\n"
        "    write_whole(sys.argv[1], content)"
    )
    for attempt in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", program, target], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.003 * attempt)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert target.read_bytes() in (b"n" * size, b"o" * size)


def test_a_full_disk_is_told_apart_from_other_trouble(tmp_path, monkeypatch) -> None:
    import errno

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFullError, match="free some space"):
        write_whole(tmp_path / "a.txt", "text")
    assert list(tmp_path.iterdir()) == []
