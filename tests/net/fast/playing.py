"""Plays on a simulated network, on transports of some kind; and whether two kinds differ."""

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from typing import Any

from tests.net.fast.parties import Hands, Opening, Party, Seen
from tests.net.fast.scripts import BUFFER, Play
from twisted_net.testing import Chunking, Host, Link, Livelock, SimNetwork, Transports


@dataclass(slots=True)
class Outcome:
    """What came of a play.

    :ivar seen: what each party saw, in the order of the scripts.
    :ivar errors: the names of all errors that were logged, in order: those that the script wants,
        and those that Twisted's own TLS makes of some scripts.
    :ivar livelock: whether time stood still, as it does where Twisted's own transports go on
        and on: one that was aborted, and whose producer failed in `stopProducing`, may read on.
    """

    seen: list[Seen]
    errors: list[str] = field(default_factory=list)
    livelock: bool = False

    def note(self, net: SimNetwork) -> None:
        """Note the errors that were logged."""
        for failure in net.flush_errors():
            if failure.check(AssertionError):
                failure.raiseException()
            self.errors.append(type(failure.value).__name__)


def play(seed: int, script: Play, transports: Transports) -> Outcome:
    """Play; return what came of it.

    :raises AssertionError: a party saw what none may ever see.
    """
    cut = Chunking(split=0.3) if script.cut else None
    link = Link(latency=script.latency, mtu=script.mtu)
    net = SimNetwork(seed, link=link, chunking=cut, trace=False, transports=transports)
    server = net.host("server", sndbuf=script.sndbuf)
    client = server if script.alone else net.host("client", sndbuf=script.sndbuf)
    parties = [
        Party(each, host.reactor.callLater)
        for pair in script.pairs
        for each, host in zip(pair, (server, client), strict=True)
    ]
    if script.alone:
        for one, other in zip(parties, parties[2:] + parties[:2], strict=True):
            one.another = other

    outcome = Outcome([party.seen for party in parties])
    try:
        net.run(_main(net, script, (server, client), parties, outcome))
    except Livelock:
        outcome.livelock = True
        outcome.note(net)
    return outcome


async def _main(
    net: SimNetwork,
    script: Play,
    hosts: tuple[Host, Host],
    parties: list[Party],
    outcome: Outcome,
) -> None:
    for number, pair in enumerate(zip(parties[::2], parties[1::2], strict=True)):
        _join(script, *hosts, 7 + number, pair)
    for end in ("loseConnection", "abortConnection"):
        await net.sleep(5)
        for party in parties:
            if not party.lost and party.transport:
                party.seen.told.append(end)
                getattr(party.transport, end)()
    await net.sleep(1)
    outcome.note(net)


def _join(script: Play, server: Host, client: Host, number: int, pair: tuple[Party, Party]) -> None:
    here, there = map(Hands, pair)
    if script.tls == "at once":
        proof, check = contexts()
        server.reactor.listenSSL(number, here, proof)
        client.reactor.connectSSL(server.ip, number, there, check)
        return
    if script.tls == "later":
        for at, party in enumerate(pair):
            speaks = at == script.turned
            party.opening = Opening(contexts()[not speaks], speaks, not script.turned)
    server.reactor.listenTCP(number, here)
    client.reactor.connectTCP(server.ip, number, there)


@cache
def contexts() -> tuple[Any, Any]:
    """Return what one end proves itself by, and what the other asks for: nothing.

    With a key of RSA: its signatures all have one length.
    """
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from OpenSSL.crypto import X509, PKey
    from twisted.internet.ssl import CertificateOptions

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    proof = CertificateOptions(PKey.from_cryptography_key(key), X509.from_cryptography(made))
    return proof, CertificateOptions()


def has_tls() -> bool:
    """Say whether TLS is installed."""
    return find_spec("OpenSSL") is not None


def differences(script: Play, ours: Outcome, stock: Outcome) -> str:
    """Return how two outcomes of one play differ; nothing if they do not."""
    if ours == stock:
        return ""
    return f"{script}\n  {ours}\n  {stock} (stock)"


def sooner(script: Play, ours: Outcome, stock: Outcome) -> bool:
    """Say whether a difference may come of answers that were sent sooner.

    That is so where a connection was cut short: what Twisted's own transports had not sent when
    they learned of the end, or not read, they throw away. It cannot be more than what buffers
    hold, unless those who heard more did more; and what was not cut short must be the same.
    """
    if ours.livelock or stock.livelock:
        return False
    pairs = zip(ours.seen[::2], ours.seen[1::2], stock.seen[::2], stock.seen[1::2], strict=True)
    cut = False
    for here, there, stock_here, stock_there in pairs:
        cut = cut or _cut_short(stock_here, stock_there)
        if [_gist(each) for each in (here, there)] == [
            _gist(each) for each in (stock_here, stock_there)
        ]:
            continue
        if not cut or here.heard > there.written or there.heard > here.written:
            return False
        for one, other in ((here, stock_here), (there, stock_there)):
            same = here.written == stock_here.written and there.written == stock_there.written
            if same and abs(one.heard - other.heard) > script.sndbuf + BUFFER:
                return False
            if one.told[:1] != other.told[:1] or one.told[-1:] == one.told[:1]:
                return False
    return True


def _gist(seen: Seen) -> Seen:
    """Return what was seen but for pauses of producers: what has left pauses nobody."""
    producers = [told for told in seen.producers if told not in ("paused", "resumed")]
    return replace(seen, producers=producers)


def _cut_short(one: Seen, other: Seen) -> bool:
    if one.heard < other.written or other.heard < one.written:
        return True
    return any(told.startswith("lost") and "Done" not in told for told in one.told + other.told)
