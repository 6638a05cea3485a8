"""IRC over TLS as real clients meet it: how to come, and logging in by certificate."""

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.conftest import PATIENCE, Bench, peer
from tests.blackbox.test_irc import Terminal
from twisted_net.chat.hashing import made

pytest.importorskip("OpenSSL", reason="TLS is not installed (the extra tls)")

HOST = "irc.example"

pytestmark = pytest.mark.slow


class Authority:
    """Signs certificates, into files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path, self._key = self._made("authority", None, None)

    def signed(self, name: str) -> Path:
        """Return a file with a key and a certificate for a name."""
        return self._made(name, self._name("authority"), self._key)[0]

    def _name(self, name: str) -> Any:
        from cryptography import x509

        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    def _made(self, name: str, issuer: Any, signer: Any) -> tuple[Path, Any]:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        own, now = self._name(name), datetime.now(UTC)
        made = (
            x509.CertificateBuilder(
                issuer or own, own, key.public_key(), x509.random_serial_number()
            )
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(signer is None, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(signer or key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        path = self.folder / f"{name}.pem"
        path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        return path, key


class Client:
    """A connection over TLS that checks the server's certificate, and may show one of its own."""

    def __init__(self, port: int, trusted: Path, own: Path | None, host: str = HOST) -> None:
        context = ssl.create_default_context(cafile=str(trusted))
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        context.check_hostname = host == HOST
        if own is not None:
            context.load_cert_chain(own)
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._socket = context.wrap_socket(plain, server_hostname=host or None)
        self._heard = self._socket.makefile("r", newline="")

    def says(self, *lines: str, until: str) -> list[str]:
        """Send lines; return what is heard up to a line with this in it."""
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())
        heard: list[str] = []
        while True:
            line = self._heard.readline()
            assert line, heard
            heard.append(line.rstrip("\r\n"))
            if until in line:
                return heard

    def offered(self, *first: str) -> str:
        """Return the capabilities that there are, which may take several lines."""
        heard = self.says(*first, "CAP LS 302", until=" LS ")
        while " LS * " in heard[-1]:
            heard += self.says(until=" LS ")
        return " ".join(heard)

    def __enter__(self) -> "Client":
        """Be connected."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self._heard.close()
        self._socket.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return an authority, with a certificate for the server and two for clients."""
    made = Authority(tmp_path)
    for name in (HOST, "red", "blue"):
        made.signed(name)
    return made


@pytest.fixture
def started(
    authority: Authority, bench: Callable[..., Bench], tmp_path: Path
) -> Callable[[], tuple[Bench, int]]:
    """Return what starts a server, and says at which port it speaks TLS."""
    (tmp_path / "gateways").write_text(made("127.0.0.1", "hunter2"))

    def start() -> tuple[Bench, int]:
        server = bench(
            f"--irc-name={HOST}",
            "--irc-sts=30d:6697",
            f"--irc-tls=ssl:0:privateKey={tmp_path / HOST}.pem",
            f"--chat-store={tmp_path / 'chat.db'}",
            f"--irc-gateways={tmp_path / 'gateways'}",
        )
        return server, server.port("irc-tls")

    return start


def test_a_certificate_logs_in_whoever_has_its_key(
    authority: Authority, started: Callable[[], tuple[Bench, int]], tmp_path: Path
) -> None:
    """Once its account has added it; after a restart too, and no more when it was taken back.

    A gateway's own certificate is nobody's behind it; the one that it says was shown to it is.
    """
    server, port = started()
    own = tmp_path / "red.pem"
    with Client(port, authority.path, own) as red:
        assert "sasl=SCRAM-SHA-256,PLAIN" in red.offered()
        red.says("NICK red", "USER red 0 * :Red", "CAP END", until=" 376 ")
        red.says("REGISTER * * pencil", until=" REGISTER SUCCESS ")
        added = red.says("CERT ADD", until="NOTE CERT ADDED ")[-1].split(" ")[4]
        shown = red.says("WHOIS red", until=" 318 ")
        assert f":{HOST} 276 red red :has client certificate fingerprint {added}" in shown
        red.says("QUIT", until="ERROR")
    assert server.stop() == -15
    server, port = started()
    with Client(port, authority.path, own) as red:
        assert "sasl=SCRAM-SHA-256,EXTERNAL,PLAIN" in red.offered()
        red.says("CAP REQ sasl", "AUTHENTICATE EXTERNAL", until="AUTHENTICATE +")
        told = red.says("AUTHENTICATE +", until=" 903 ")
        assert told[0].startswith(f":{HOST} 900 * *!*@* red :")
        red.says("NICK red", "USER red 0 * :Red", "CAP END", until=" 376 ")
        assert f":{HOST} 330 red red red :is logged in as" in red.says("WHOIS red", until=" 318 ")
        for other in (None, tmp_path / "blue.pem"):
            with Client(port, authority.path, other) as blue:
                assert "EXTERNAL" not in blue.offered()
                blue.says("CAP REQ sasl", "AUTHENTICATE EXTERNAL", until=" 904 ")
        with Client(port, authority.path, tmp_path / "blue.pem") as gateway:
            line = f"WEBIRC hunter2 kiwi 192.0.2.9 192.0.2.9 :secure certfp-sha-256={added.upper()}"
            assert "EXTERNAL" in gateway.offered(line)
            gateway.says("NICK pink", "USER p 0 * :P", "CAP END", until=" 376 ")
            shown = gateway.says("WHOIS pink", until=" 318 ")
            assert f":{HOST} 378 pink pink :is connecting from *@192.0.2.9 192.0.2.9" in shown
            assert f":{HOST} 671 pink pink :is using a secure connection" in shown
        red.says(f"CERT DEL {added}", until="NOTE CERT DELETED ")
    with Client(port, authority.path, own) as red:
        assert "EXTERNAL" not in red.offered()


def test_clients_are_told_to_come_over_tls(
    authority: Authority, started: Callable[[], tuple[Bench, int]]
) -> None:
    """Who asked for the server by its name, for how long; who came without TLS, where to."""
    server, port = started()
    for host, told in ((HOST, True), ("localhost", False), ("", False)):
        with Client(port, authority.path, None, host) as red:
            assert ("sts=duration=2592000" in red.offered()) is told
    with (
        socket.create_connection(("127.0.0.1", server.port("irc")), PATIENCE) as plain,
        plain.makefile("rw", newline="") as io,
    ):
        io.write("CAP LS 302\r\n")
        io.flush()
        heard = [io.readline()]
        while " LS * " in heard[-1]:
            heard.append(io.readline())
        assert "sts=port=6697,duration=2592000" in " ".join(heard)


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start programs in terminals that are gone after the test."""
    opened: list[Terminal] = []

    def start(*command: str) -> Terminal:
        opened.append(Terminal(tmp_path, f"t{len(opened)}", *command))
        return opened[-1]

    yield start
    for each in opened:
        each.kill()


def test_irssi_logs_in_by_its_certificate(
    authority: Authority,
    started: Callable[[], tuple[Bench, int]],
    screen: Callable[..., Terminal],
    tmp_path: Path,
) -> None:
    """As a person does it: an account, CERT ADD, and from then on without a password."""
    _, port = started()
    home = tmp_path / "home"
    home.mkdir()
    (home / "config").write_text(
        f"""
servers = ({{ address = "127.0.0.1"; port = "{port}"; chatnet = "here"; use_tls = "yes";
  tls_verify = "no"; tls_cert = "{tmp_path / "red.pem"}"; autoconnect = "yes"; }});
chatnets = {{ here = {{ type = "IRC"; nick = "red"; sasl_mechanism = "EXTERNAL";
  sasl_username = "red"; sasl_password = "x"; }}; }};
"""
    )
    with Client(port, authority.path, tmp_path / "red.pem") as red:
        red.says("NICK red", "USER red 0 * :Red", until=" 376 ")
        red.says("REGISTER * * pencil", until=" REGISTER SUCCESS ")
        red.says("CERT ADD", until="NOTE CERT ADDED ")
        red.says("QUIT", until="ERROR")
    here = screen(peer("irssi", "irssi"), f"--home={home}")
    here.shows("SASL authentication succeeded")
    here.shows("Welcome to the netdemo network")
    here.types("/whois red")
    here.shows("account  : red")
    here.types("/quit")
    here.ends()
