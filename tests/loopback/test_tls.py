"""Every service under TLS, on the real reactor."""

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tests.patience import PATIENCE
from tests.web.browsers import answers, request
from twisted_net import assembly, registry
from twisted_net.net.service import Runtime
from twisted_net.net.settings import load
from twisted_net.settings import groups

pytest.importorskip("OpenSSL", reason="TLS is not installed (the extra tls)")

#: What Twisted hands to pyOpenSSL is Twisted's affair.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")


#: More than one piece of what is copied at a time: no kernel may move what is to be encrypted.
LARGE = bytes(range(251)) * 4000
LARGE_SHA256 = hashlib.sha256(LARGE).hexdigest().encode()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a key and a certificate that nobody has signed."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


class Asks(Protocol):
    """Say something once connected; keep what comes until it ends as wanted."""

    transport: ITransport

    def __init__(self, question: bytes, ending: bytes) -> None:
        self.question = question
        self.ending = ending
        self.heard = b""
        self.answered: Deferred[bytes] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Ask."""
        self.transport.write(self.question)

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data
        if self.heard.endswith(self.ending) and not self.answered.called:
            self.answered.callback(self.heard)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self.lost.callback(None)


async def told(door: str, question: bytes, ending: bytes, certificate: Path, **more: str) -> bytes:
    """Return what a door of the whole bench, behind TLS, answers to a question."""
    from twisted.internet import reactor
    from twisted.internet.ssl import CertificateOptions

    found = registry.BUILT_IN
    endpoint = f"ssl:0:privateKey={certificate}:certKey={certificate}"
    options = {"echo-mode": "dialog", door: endpoint, **more}
    for other in groups(found):
        for each in other:
            if each.reading.metavar == "ENDPOINT":
                options.setdefault(each.option, "")
    settings = load(groups(found), options, {})
    bench = assembly.assemble(found, settings, Runtime(reactor), lambda _: None)
    bench.startService()
    port: Any = bench.opened[0].port
    number = port.getHost().port
    there = SSL4ClientEndpoint(reactor, "127.0.0.1", number, CertificateOptions())
    client = await connectProtocol(there, Asks(question, ending))
    heard: bytes = await client.answered.addTimeout(PATIENCE, reactor)
    client.transport.loseConnection()
    await client.lost
    await bench.stopService()
    return heard


@pytest.mark.parametrize(
    ("door", "question", "ending"),
    [
        ("echo-tcp", b"are you there?\n", b"are you there!\n"),
        ("chat-tcp", b"NICK red\n", b"OK JOIN lobby 1 kept=30d\n"),
        ("irc-tls", b"NICK red\r\nUSER r 0 * :R\r\nPING :x\r\n", b" x\r\n"),
        ("files-tcp", b"STAT bytes.bin\nQUIT\n", b"OK bye\n"),
        ("files-tcp", b"GET large\nQUIT\n", b"DONE " + LARGE_SHA256 + b"\nOK bye\n"),
        ("web", b"GET /healthz HTTP/1.0\r\n\r\n", b"\r\n\r\nok\n"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_door_that_speaks_first_and_one_that_does_not_work_under_tls(
    door: str, question: bytes, ending: bytes, certificate: Path, tmp_path: Path
) -> None:
    """What a door says before the handshake is done must not stop the handshake."""
    (tmp_path / "large").write_bytes(LARGE)
    (tmp_path / "bytes.bin").write_bytes(bytes(256))
    options = {"files-root": str(tmp_path)}
    assert (await told(door, question, ending, certificate, **options)).endswith(ending)


@pytest_twisted.ensureDeferred
async def test_a_large_file_comes_whole_over_https(certificate: Path, tmp_path: Path) -> None:
    """Nothing can be moved by the kernel there; and small ones before and behind it."""
    large = random.Random(7443).randbytes(3_000_000)  # noqa: S311 - no secret
    contents = {"first": b"the beginning\n", "large": large, "last": b"the end\n"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    question = b"".join(request(f"/files/{name}") for name in contents)
    options = {"files-root": str(tmp_path)}
    heard = await told("web", question, contents["last"], certificate, **options)
    assert [answer.body for answer in answers(heard)] == list(contents.values())
