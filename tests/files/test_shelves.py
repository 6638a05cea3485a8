"""Tests of `twisted_net.files.shelves`."""

from pathlib import Path

import pytest

from twisted_net.files.codec import List, RefusedError
from twisted_net.files.shelves import ByPeer, Virtual
from twisted_net.files.store import Folder
from twisted_net.files.uploads import Writes


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a shelf with one file."""
    (tmp_path / "file").write_bytes(b"content")
    return Folder(str(tmp_path), writes=Writes())


def test_names_of_ones_own_come_before_those_of_the_folder(folder: Folder) -> None:
    """Bytes, or what makes them for who asks; everything else is as it was."""
    shelf = Virtual({b"motd": b"hello", b"me": lambda peer: peer.encode()}, folder)
    assert shelf.open(b"motd", "192.0.2.7").read(0, 9) == b"hello"
    assert shelf.open(b"me", "192.0.2.7").read(0, 9) == b"192.0.2.7"
    assert shelf.open(b"file", "192.0.2.7").read(0, 9) == b"content"
    assert shelf.stat(b"me", "::1").size == 3
    assert shelf.stat(b"file", "::1").size == 7
    assert [entry.name for entry in shelf.list(List())[0]] == [b"file"]


def test_nobody_stores_under_a_name_of_ones_own(folder: Folder) -> None:
    """The others may."""
    shelf = Virtual({b"motd": b"hello"}, folder)
    with pytest.raises(RefusedError) as caught:
        shelf.receive(b"motd")
    assert caught.value.code == 409
    shelf.receive(b"new").leave()


@pytest.mark.parametrize(
    ("peer", "found"),
    [
        ("192.0.2.7", b"seven"),
        ("192.0.2.8", b"net"),
        ("::ffff:192.0.2.8", b"net"),
        ("2001:db8::1%eth0", b"six"),
        ("198.51.100.1", b"content"),
        ("local", b"content"),
    ],
)
def test_each_client_has_its_own_shelf(folder: Folder, peer: str, found: bytes) -> None:
    """The first network that holds the address counts."""
    shelves = {
        "192.0.2.7": Virtual({b"file": b"seven"}, folder),
        "192.0.2.0/24": Virtual({b"file": b"net"}, folder),
        "2001:db8::/32": Virtual({b"file": b"six"}, folder),
    }
    shelf = ByPeer(shelves, folder)
    assert shelf.open(b"file", peer).read(0, 99) == found
    assert shelf.stat(b"file", peer).size == len(found)
    assert len(shelf.list(List(), peer)[0]) == 1
    shelf.receive(b"new", peer=peer).leave()


def test_who_has_no_shelf_finds_nothing(folder: Folder) -> None:
    """Unless there is one for everybody else."""
    with pytest.raises(RefusedError) as caught:
        ByPeer({"192.0.2.7": folder}).open(b"file", "192.0.2.8")
    assert caught.value.code == 404
