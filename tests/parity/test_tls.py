"""TLS on top of either world: what Twisted makes of OpenSSL sits on plain TCP."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import pytest
from twisted.internet.endpoints import (
    HostnameEndpoint,
    SSL4ServerEndpoint,
    connectProtocol,
    wrapClientTLS,
)

from tests.parity.parties import Fixed, Party, Served, join, part
from tests.parity.story import Story, Told, tells
from twisted_net.testing.worlds import World

pytest.importorskip("OpenSSL", reason="TLS is not installed (the extra tls)")

#: What Twisted hands to pyOpenSSL is Twisted's affair.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")

#: The only name in the certificate.
NAME = "server"


@pytest.fixture(scope="module")
def pem() -> bytes:
    """Make a key and a certificate that nobody has signed but its owner."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + made.public_bytes(serialization.Encoding.PEM)


def contexts(pem: bytes) -> tuple[Any, Any]:
    """Return what the server proves itself by, and what the client asks for."""
    from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS

    server = PrivateCertificate.loadPEM(pem)
    authority = Certificate.loadPEM(pem)
    return server.options(), optionsForClientTLS(NAME, trustRoot=authority)


def echo(party: Party) -> None:
    """Send back what was just heard."""
    party.transport.write(bytes(party.heard))
    party.heard.clear()


@tells(
    {
        "client": ["made", b"hello", "lost: ConnectionDone"],
        "server": ["made", b"hello", "lost: ConnectionDone"],
    }
)
async def test_an_echo_comes_back_under_tls(world: World, pem: bytes) -> Told:
    """Name and certificate are checked."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server", hears=echo)
    proof, check = contexts(pem)
    here = world.host(NAME)
    endpoint = SSL4ServerEndpoint(here.reactor, 0, proof, interface=here.ip)
    served = Served(await endpoint.listen(Fixed(server)), here.ip)
    plain = HostnameEndpoint(world.host("client").reactor, NAME, served.number)
    await connectProtocol(wrapClientTLS(check, plain), client)
    client.transport.write(b"hello")
    await client.hears(5)
    client.transport.loseConnection()
    await part(served, client, server)
    return story.told()


@tells({"client": ["made", b"go ahead", b"secret"], "server": ["made", b"start tls", b"secret"]})
async def test_a_connection_can_turn_to_tls(world: World, pem: bytes) -> Told:
    """After some words in the clear."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    proof, check = contexts(pem)
    served = await join(world, client, server)
    client.transport.write(b"start tls")
    await server.hears(9)
    server.transport.write(b"go ahead")
    server.transport.startTLS(proof)
    await client.hears(8)
    client.transport.startTLS(check)
    story.tell("client", "")
    story.tell("server", "")
    client.transport.write(b"secret")
    await server.hears(15)
    server.transport.write(b"secret")
    await client.hears(14)
    told = story.told()
    client.transport.loseConnection()
    await part(served, client, server)
    return {party: [each for each in events if each] for party, events in told.items()}


@tells([crc32(b"x" * 1_000_000), "lost: ConnectionDone"])
async def test_much_arrives_under_tls_before_a_close(world: World, pem: bytes) -> list[object]:
    """The end is an end and no cut."""
    story = Story()
    client, server = Party(story, "client"), Party(story, "server")
    proof, check = contexts(pem)
    here = world.host(NAME)
    endpoint = SSL4ServerEndpoint(here.reactor, 0, proof, interface=here.ip)
    served = Served(await endpoint.listen(Fixed(server)), here.ip)
    plain = HostnameEndpoint(world.host("client").reactor, NAME, served.number)
    await connectProtocol(wrapClientTLS(check, plain), client)
    client.transport.write(b"x" * 1_000_000)
    client.transport.loseConnection()
    await part(served, client, server)
    return [crc32(server.heard), story.told()["server"][-1]]


@tells({"client": ["made", "lost: VerificationError"]})
async def test_a_certificate_of_another_name_is_refused(world: World, pem: bytes) -> Told:
    """By the client, before it has said anything."""
    from twisted.internet.ssl import Certificate, optionsForClientTLS

    story = Story()
    client, server = Party(story, "client"), Party(Story(), "server")
    proof, _ = contexts(pem)
    check = optionsForClientTLS("another", trustRoot=Certificate.loadPEM(pem))
    here = world.host(NAME)
    endpoint = SSL4ServerEndpoint(here.reactor, 0, proof, interface=here.ip)
    served = Served(await endpoint.listen(Fixed(server)), here.ip)
    plain = HostnameEndpoint(world.host("client").reactor, NAME, served.number)
    await connectProtocol(wrapClientTLS(check, plain), client)
    await part(served, client, server)
    return story.told()
