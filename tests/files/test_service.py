"""Tests of `twisted_net.files.service`, of the words of the commands, and of the demo folder."""

import os
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from tests.files.wires import Reactor
from twisted_net.files import FileFactory, FilesSettings, ShelfResource, TftpDatagramProtocol
from twisted_net.files.codec import Entry, List
from twisted_net.files.service import DEMO, files
from twisted_net.files.shown import amount, rate
from twisted_net.files.store import Folder
from twisted_net.files.telling import hinted, row
from twisted_net.files.words import Asked, read_words
from twisted_net.net.clients import Target
from twisted_net.net.errors import ClientError, SettingError, StartError
from twisted_net.net.service import INetService, Runtime
from twisted_net.net.settings import Group, load


def test_the_service_is_whole() -> None:
    """The registry would leave it out otherwise."""
    assert verifyObject(INetService, files)


def test_there_are_two_doors_to_one_shelf() -> None:
    """Each with a line that uses it."""
    line, tftp = files.doors(FilesSettings(), Runtime(Reactor()))
    assert (line.name, line.kind, line.endpoint) == ("files-tcp", "stream", "tcp:7009")
    assert (tftp.name, tftp.kind, tftp.endpoint) == ("tftp", "datagram", "udp:7069")
    assert isinstance(line.serve, FileFactory)
    assert isinstance(tftp.serve, TftpDatagramProtocol)
    assert line.serve.desk.shelf is tftp.serve.shelf
    assert line.paste == "netdemo get --server {address} hello.txt"
    assert tftp.paste == "curl -o hello.txt tftp://{address}/hello.txt"


def test_a_page_of_the_same_shelf_is_handed_over() -> None:
    """Unless nobody wants it."""
    runtime = Runtime(Reactor())
    line, _ = files.doors(FilesSettings(transfers=3), runtime)
    page = runtime.pages.get("files")
    assert page is not None
    assert isinstance(line.serve, FileFactory)
    assert isinstance(page.resource, ShelfResource)
    assert page.resource.shelf is line.serve.desk.shelf
    assert page.resource.digests is line.serve.desk.digests
    other = Runtime(Reactor())
    files.doors(FilesSettings(http=False), other)
    assert not list(other.pages)


def test_the_lines_name_a_file_that_is_there(tmp_path: Path) -> None:
    """Or one could not paste them."""
    (tmp_path / "{x} y").write_bytes(b"x")
    doors = files.doors(FilesSettings(root=str(tmp_path)), Runtime(Reactor()))
    assert [door.paste.format(address="192.0.2.1:7") for door in doors] == [
        "netdemo get --server 192.0.2.1:7 '{x} y'",
        "curl -o '{x} y' tftp://192.0.2.1:7/%7Bx%7D%20y",
    ]


def test_settings_reach_the_doors(tmp_path: Path) -> None:
    """Limits and block size."""
    settings = FilesSettings(root=str(tmp_path), transfers=3, first_request=1, tftp_blksize=1428)
    line, tftp = files.doors(settings, Runtime(Reactor()))
    assert isinstance(line.serve, FileFactory)
    assert isinstance(tftp.serve, TftpDatagramProtocol)
    assert (line.serve.limits.transfers, line.serve.limits.first_request) == (3, 1)
    assert tftp.serve.policy.terms.blksize == 1428


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    """Unless nobody could ask for anything."""
    root = str(tmp_path / "nope")
    with pytest.raises(StartError, match="no such directory"):
        files.doors(FilesSettings(root=root), Runtime(Reactor()))
    assert (
        files.doors(FilesSettings(root=root, tcp="", tftp="", http=False), Runtime(Reactor())) == []
    )


def settings_of(**options: str) -> FilesSettings:
    """Return the settings that options make; ``_`` stands for ``-``."""
    given = {name.replace("_", "-"): value for name, value in options.items()}
    made: FilesSettings = load([Group("files", FilesSettings, "files-")], given, {})[FilesSettings]
    return made


@pytest.mark.parametrize("option", ["files-write", "tftp-write"])
def test_nobody_writes_to_the_demo(option: str) -> None:
    """It is part of the installation."""
    with pytest.raises(StartError, match=f"--{option} yes: needs a folder of your own"):
        files.doors(settings_of(**{option: "yes"}), Runtime(Reactor()))


@pytest.mark.parametrize("option", ["files-write", "tftp-write"])
def test_a_door_that_may_write_does_not_open_the_other(option: str, tmp_path: Path) -> None:
    """Each has its own option; they share quota and folder."""
    settings = settings_of(files_root=str(tmp_path), **{option: "yes"})
    line, tftp = files.doors(settings, Runtime(Reactor()))
    assert isinstance(line.serve, FileFactory)
    assert isinstance(tftp.serve, TftpDatagramProtocol)
    assert line.serve.limits.write is (option == "files-write")
    assert tftp.serve.policy.write is (option == "tftp-write")


@pytest.mark.parametrize("way", ["option", "variable", "file"])
def test_the_root_of_the_file_system_is_shared_by_who_knows(way: str, tmp_path: Path) -> None:
    """Whichever way one says so; and by nobody else."""
    file = tmp_path / "netdemo.toml"
    file.write_text("[files]\ni_know = true\n")
    options = {"files-root": "/", **({"i-know": "yes"} if way == "option" else {})}
    environment = {"NETDEMO_I_KNOW": "yes"} if way == "variable" else {}
    group = Group("files", FilesSettings, "files-")
    knows = load([group], options, environment, file if way == "file" else None)[FilesSettings]
    line, _ = files.doors(knows, Runtime(Reactor()))
    assert isinstance(line.serve, FileFactory)
    assert line.serve.desk.shelf.stat(b"usr/").kind == "folder"
    with pytest.raises(StartError, match="--i-know yes"):
        files.doors(settings_of(files_root="/"), Runtime(Reactor()))


def test_a_home_folder_may_be_written_as_people_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell expands no ``~`` in the middle of a word, and there is none round a file."""
    monkeypatch.setenv("HOME", "/nonexistent")
    group = Group("files", FilesSettings, "files-")
    for options, environment in (({"files-root": "~/x"}, {}), ({}, {"NETDEMO_FILES_ROOT": "~/x"})):
        assert load([group], options, environment)[FilesSettings].root == "/nonexistent/x"


def test_the_demo_folder_is_small_and_friendly() -> None:
    """It is part of every installation."""
    entries, _ = Folder(DEMO).list(List())
    names = [entry.name for entry in entries]
    assert names == [b"README.txt", b"bytes.bin", b"hello.txt", b"poems/"]
    assert Path(DEMO, "bytes.bin").read_bytes() == bytes(range(256))
    assert sum(each.stat().st_size for each in Path(DEMO).rglob("*")) < 100 << 10


@pytest.mark.parametrize(
    ("words", "server", "use_tftp", "target", "names"),
    [
        (["a"], None, False, Target("tcp", "127.0.0.1", 7009), ["a"]),
        (["a", "b"], None, True, Target("tftp", "127.0.0.1", 7069), ["a", "b"]),
        (["tcp:h:1", "a"], None, False, Target("tcp", "h", 1), ["a"]),
        (["tcp:h:1", "a"], "x", False, Target("tcp", "x", 7009), ["tcp:h:1", "a"]),
        (["a"], "h:5", False, Target("tcp", "h", 5), ["a"]),
        (["a"], "[::1]:5", False, Target("tcp", "::1", 5), ["a"]),
        (["tftp://h/a"], None, False, Target("tftp", "h", 7069), ["a"]),
        (["tftp://h:1/b/a", "c"], None, False, Target("tftp", "h", 1), ["b/a", "c"]),
        (["tftp://h/a;mode=octet"], None, False, Target("tftp", "h", 7069), ["a"]),
        (["tcp://h/a"], None, False, Target("tcp", "h", 7009), ["a"]),
        (["udp:h:1", "a"], None, False, Target("tftp", "h", 1), ["a"]),
    ],
)
def test_a_server_is_told_from_names(
    words: list[str], server: str | None, use_tftp: bool, target: Target, names: list[str]
) -> None:
    """By the option, or by a scheme that no name has."""
    asked = [Asked(target, name) for name in names]
    assert read_words(tuple(words), server, use_tftp) == asked


@pytest.mark.parametrize("word", ["tcp:h:abc", "tftp://h/a;mode=mail", "tcp:", "tftp:///x"])
def test_a_server_that_cannot_be_is_refused(word: str) -> None:
    """In one line that quotes it."""
    with pytest.raises(SettingError, match="'t"):
        read_words((word, "x"), None, False)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("192.0.2.7", True),
        ("192.0.2.7:7009", True),
        ("[::1]:7009", True),
        ("localhost", True),
        ("bench:7009", True),
        ("hello.txt", False),
        ("a/b:1", False),
        ("10.5.1", False),
    ],
)
def test_a_missing_name_that_looks_like_a_server_gets_a_hint(name: str, wanted: bool) -> None:
    """Where a server has its place is not what one tries first."""
    shown = f"x; for a server: -s {name}" if wanted else "x"
    assert hinted(name, ClientError("x")) == shown


def test_a_listing_is_shown_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes end in one column; a hostile name or time does no harm."""
    monkeypatch.setenv("TZ", "UTC")
    entries = [
        Entry("file", 1234, 1700000000, b"hello.txt"),
        Entry("folder", 0, 1700000000, b"sub/"),
        Entry("file", 10**18, 10**18, b"\x1b[31m\xff"),
    ]
    shown = [row(each) for each in entries]
    assert [line.split("  ")[-1].strip() for line in shown] == [
        "hello.txt",
        "sub/",
        "\\x1b[31m\\xff",
    ]
    assert shown[0].startswith("    1.2 KB  2023-11-1")
    assert shown[1].startswith("         -  2023-11-1")
    assert "  ?  " in shown[2]


def test_amounts_are_shown_in_the_unit_that_suits() -> None:
    """Powers of 1000, as on disks and networks."""
    amounts = [0, 1, 999, 1000, 1234, 99_949, 99_950, 999_499, 999_500, 10**18]
    assert [amount(each) for each in amounts] == [
        "0 bytes",
        "1 bytes",
        "999 bytes",
        "1.0 KB",
        "1.2 KB",
        "99.9 KB",
        "100 KB",
        "999 KB",
        "1.0 MB",
        "1000 PB",
    ]
    assert rate(1000, 0.0) == "1.0 GB/s"


def test_nothing_of_the_demo_leads_out() -> None:
    """It has no links."""
    assert not [each for each in Path(DEMO).rglob("*") if os.path.islink(each)]
