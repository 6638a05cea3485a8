"""Tests of `twisted_net.net.tls.serving`, without a socket: TLS in memory."""

import contextlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

pytest.importorskip("OpenSSL", reason="TLS is not installed (the extra tls)")

from OpenSSL import SSL

from twisted_net.net.tls import keys
from twisted_net.net.tls.demo import PRIVATE, demo
from twisted_net.net.tls.serving import LOOK_EVERY, Certificates, Folder, Pair

NOW = 1_800_000_000.0


def made(folder: Path) -> Path:
    """Make a certificate like no other; return its file."""
    return demo(folder, "127.0.0.1", NOW).private


def fingerprint(path: Path) -> str:
    """Return what shows which certificate it is."""
    return keys.read(path, path).fingerprint


def shake(client: SSL.Connection, server: SSL.Connection) -> None:
    """Let a client and a server begin TLS."""
    server.set_accept_state()
    client.set_connect_state()
    for _ in range(3):
        for one, other in ((client, server), (server, client)):
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(1 << 16))


def shown(certificates: Certificates, host: bytes = b"") -> str:
    """Connect; return the fingerprint of the certificate that is shown to a client."""
    client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    if host:
        client.set_tlsext_host_name(host)
    shake(client, certificates.serverConnectionForTLS(None))
    found = client.get_peer_certificate()
    assert found is not None
    return found.digest("sha256").decode()


def test_a_certificate_that_changes_is_shown_to_who_comes_then(tmp_path: Path) -> None:
    """Looked at once a second at most, and said in the log."""
    clock = Clock()
    path = made(tmp_path / "old")
    certificates = Certificates(Pair(path, path), "web", clock.seconds)
    before = shown(certificates)
    assert before == fingerprint(path)
    made(tmp_path / "new").replace(path)
    assert shown(certificates) == before
    clock.advance(LOOK_EVERY)
    with capturedLogs() as events:
        after = shown(certificates)
    assert after == fingerprint(path) != before
    assert [formatEvent(each) for each in events] == [f"web: new certificate, SHA-256 {after}"]


@pytest.mark.logs("the certificate stays")
def test_a_change_for_the_worse_changes_nothing(tmp_path: Path) -> None:
    """It is said once, and the next one counts again: the file may be half written."""
    clock = Clock()
    path = made(tmp_path / "old")
    certificates = Certificates(Pair(path, path), "web", clock.seconds)
    before = shown(certificates)
    whole = made(tmp_path / "new").read_bytes()
    seen = []
    with capturedLogs() as events:
        for content in (whole[:150], whole[:150], None, whole):
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
                os.utime(path, ns=(1, len(content)))
            clock.advance(LOOK_EVERY)
            seen.append(shown(certificates))
    assert seen == [before, before, before, fingerprint(path)]
    said = [formatEvent(each).partition(": ")[2].partition(" ")[0] for each in events]
    assert said == ["the", "the", "new"]


def test_a_clock_that_is_set_back_does_not_keep_the_old_one(tmp_path: Path) -> None:
    """Nor for the time that it was set back by."""
    clock = Clock()
    clock.advance(1000)
    path = made(tmp_path / "old")
    certificates = Certificates(Pair(path, path), "web", clock.seconds)
    made(tmp_path / "new").replace(path)
    clock.rightNow = 10.0
    assert shown(certificates) == fingerprint(path)


def test_each_host_is_shown_its_own_certificate(tmp_path: Path) -> None:
    """From a folder; who names none, or an unknown one, is shown the first by name."""
    for name, hosts in (("a", ["first.example"]), ("b", ["second.example", "*.second.example"])):
        _certificate(tmp_path / f"{name}.pem", hosts)
    (tmp_path / "README").write_bytes(b"not read")
    (tmp_path / ".hidden.pem").write_bytes(b"not read")
    certificates = Certificates(Folder(tmp_path), "web", Clock().seconds)
    first, second = (fingerprint(tmp_path / name) for name in ("a.pem", "b.pem"))
    asked = (b"", b"first.example", b"SECOND.example", b"x.second.example", b"a.x.second.example")
    assert [shown(certificates, host) for host in asked] == [first, first, second, second, first]


def test_a_file_that_joins_the_folder_is_seen(tmp_path: Path) -> None:
    """Without a restart."""
    clock = Clock()
    _certificate(tmp_path / "b.pem", ["b.example"])
    certificates = Certificates(Folder(tmp_path), "web", clock.seconds)
    _certificate(tmp_path / "c.pem", ["c.example"])
    clock.advance(LOOK_EVERY)
    assert shown(certificates, b"c.example") == fingerprint(tmp_path / "c.pem")


def _certificate(path: Path, hosts: list[str]) -> None:
    from datetime import UTC, datetime

    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from twisted_net.net.tls.demo import _made

    identity = _made(hosts, [], datetime.fromtimestamp(NOW, UTC))
    secret = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + identity.certificates[0].public_bytes(Encoding.PEM))


def test_the_files_of_a_pair_are_those_that_it_names(tmp_path: Path) -> None:
    """A chain too, if there is one."""
    key, other = made(tmp_path), tmp_path / "x"
    assert Pair(key, key, other).files() == [key, key, other]
    assert PRIVATE in str(Pair(key, key).files())


class Web:
    """A factory that has something to offer."""

    def acceptableProtocols(self) -> list[bytes]:
        """Offer it."""
        return [b"http/1.1"]


@pytest.mark.parametrize(
    ("factory", "offered", "chosen"),
    [
        (Web(), [b"h2", b"http/1.1"], b"http/1.1"),
        (Web(), [b"h2"], b""),
        (Factory(), [b"h2"], b""),
    ],
)
def test_who_offers_protocols_that_we_do_not_speak_is_served_all_the_same(
    factory: Any, offered: list[bytes], chosen: bytes, tmp_path: Path
) -> None:
    """A browser always offers some; Twisted would end TLS there."""
    path = made(tmp_path)
    certificates = Certificates(Pair(path, path), "web", Clock().seconds)
    protocol = SimpleNamespace(factory=SimpleNamespace(wrappedFactory=factory))
    server: Any = certificates.serverConnectionForTLS(protocol)
    client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    client.set_alpn_protos(offered)
    shake(client, server)
    assert client.get_alpn_proto_negotiated() == chosen
    assert client.get_peer_certificate() is not None


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("has", [False, True])
def test_a_client_may_show_a_certificate_of_its_own_where_it_is_asked(
    asks: bool, has: bool, tmp_path: Path
) -> None:
    """Any will do, or none: whose it is, the door has to know."""
    path, own = made(tmp_path / "server"), made(tmp_path / "client")
    certificates = Certificates(Pair(path, path), "irc-tls", Clock().seconds, asks)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if has:
        context.use_certificate_file(str(own))
        context.use_privatekey_file(str(own))
    server: Any = certificates.serverConnectionForTLS(None)
    shake(SSL.Connection(context, None), server)
    shown = server.get_peer_certificate()
    seen = "" if shown is None else shown.digest("sha256").decode()
    assert seen == (fingerprint(own) if asks and has else "")
