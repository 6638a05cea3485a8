"""Tests of `twisted_net.net.owners`."""

from pathlib import Path

import pytest

from twisted_net.net.owners import owner

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid …\n"
ROW = "   0: 0100007F:1B5F 00000000:0000 {state} 0:0 00:00000000 00000000 0 0 {inode} 1\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Make a ``/proc`` in which pid 42 listens on TCP port 7007 and somebody hidden on UDP."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(HEAD + ROW.format(state="0A", inode=900))
    (tmp_path / "net" / "udp6").write_text(HEAD + ROW.format(state="07", inode=901))
    (tmp_path / "42" / "fd").mkdir(parents=True)
    (tmp_path / "42" / "fd" / "3").symlink_to("socket:[900]")
    (tmp_path / "42" / "cmdline").write_bytes(b"nginx\0-g\0daemon off;\0")
    (tmp_path / "41").mkdir()  # not ours to look at
    return tmp_path


def test_who_listens_is_named_with_pid_and_command(proc: Path) -> None:
    """So that the user knows what to stop."""
    assert owner("tcp", 7007, proc) == "pid 42: nginx -g daemon off;"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (b"/opt/v/bin/python3.11\0/opt/v/bin/twistd\0-n\0netdemo\0", "twistd -n netdemo"),
        (b"/usr/bin/python3\0-m\0http.server\0", "python3 -m http.server"),
        (b"/sbin/x\0" + b"y" * 99, "x " + "y" * 37 + "…"),
    ],
)
def test_a_command_is_shown_as_far_as_a_line_has_room(
    command: bytes, shown: str, proc: Path
) -> None:
    """The folders of an environment are long, and tell nothing."""
    (proc / "42" / "cmdline").write_bytes(command)
    assert owner("tcp", 7007, proc) == f"pid 42: {shown}"


@pytest.mark.parametrize(("kind", "port"), [("tcp", 7008), ("udp", 7007)])
def test_who_cannot_be_seen_is_not_named(kind: str, port: int, proc: Path) -> None:
    """Nobody listens, or it is somebody else's process."""
    assert owner(kind, port, proc) == ""


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    """Other systems have none."""
    assert owner("tcp", 7007, tmp_path) == ""
