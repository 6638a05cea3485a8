"""No name leads out of the shared folder, by whatever request of the line door it is used."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from tests.files.wires import Wire, at_once
from twisted_net.files.codec import quoted
from twisted_net.files.desk import Limits
from twisted_net.files.digests import Digests
from twisted_net.files.doors import FileFactory
from twisted_net.files.store import Folder
from twisted_net.files.uploads import Writes

SECRET = b"the secret\n"
SHA256 = hashlib.sha256(SECRET).hexdigest().encode()

NAMES = [
    b"../secret",
    b"..\\secret",
    b"/etc/passwd",
    b"//etc/passwd",
    b"sub/../../secret",
    b"../share-evil/secret",
    b"....//secret",
    b"..\0",
    b"sub\0/../../secret",
    b"link/secret",
    b"straight",
    b"/proc/self/environ",
    b"fifo",
    b"sub",
    b".",
    b"",
    b"n" * 300,
    b"CON",
    b"nothing.",
    b"nothing ",
    b"\xed\xa0\x80",
    "\u202egpj".encode(),
]


REQUESTS = [b"GET %b", b"STAT %b", b"SUM %b", b"LIST %b/", b"PUT %b 11 " + SHA256]

Quote = Callable[[bytes], bytes]


def fully_quoted(name: bytes) -> bytes:
    """Return a name as somebody writes it who wants to get past a filter."""
    return b"".join(b"%%%02X" % byte for byte in name)


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Return a folder among secrets."""
    share = tmp_path / "share"
    (share / "sub").mkdir(parents=True)
    (tmp_path / "share-evil").mkdir()
    for secret in ("secret", "share-evil/secret"):
        (tmp_path / secret).write_bytes(SECRET)
    (share / "link").symlink_to(tmp_path)
    (share / "straight").symlink_to(tmp_path / "secret")
    os.mkfifo(share / "fifo")
    return share


def outside(share: Path) -> list[tuple[str, bytes]]:
    """Return what lies beside the folder."""
    files = [each for each in share.parent.rglob("secret") if share not in each.parents]
    return sorted((str(each), each.read_bytes()) for each in files)


@pytest.mark.parametrize(
    "quote", [quoted, lambda name: b"".join(b"%%%02X" % byte for byte in name)]
)
@pytest.mark.parametrize(
    "words", [b"GET %b", b"STAT %b", b"SUM %b", b"LIST %b/", b"PUT %b 11 " + SHA256]
)
@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_no_name_leads_out(share: Path, name: bytes, words: bytes, quote: Quote) -> None:
    """Not one byte of what is outside, no wait, and nothing written there; one line says no."""
    shelf = Folder(str(share), writes=Writes(overwrite=True))
    factory = FileFactory(shelf, Clock(), Limits(write=True), digests=Digests(at_once))
    protocol, wire = factory.buildProtocol(None), Wire()
    before = outside(share)
    protocol.makeConnection(wire)
    protocol.dataReceived(words % quote(name) + b"\n")
    if wire.value() == b"OK send\n":  # an odd name, but one inside
        protocol.dataReceived(SECRET)
    answer = wire.read_all()
    assert answer.startswith((b"ERR 403 ", b"ERR 404 ", b"ERR 400 ", b"OK ")), answer
    assert answer.count(b"\n") <= 2
    assert b"secret" not in answer
    assert SHA256 not in answer
    assert outside(share) == before
