"""Bugs of streams and of those who wait."""

from typing import Any

from twisted.internet.defer import Deferred

from tests.simulated.bench import ECHO_TCP, ECHO_UDP, serving
from tests.simulated.bugs.planted import Planted
from tests.simulated.parties import Talker
from twisted_net.echo import client as echo_client
from twisted_net.echo.client import DatagramAsker, ask_stream
from twisted_net.net.errors import NoAnswerError
from twisted_net.net.transports import Stream
from twisted_net.testing import Link, SimNetwork

#: Bytes that a server may have taken from a client that does not read: what it holds itself, and
#: what the kernels on both sides hold.
MOST_TAKEN = 1_000_000


def _echoed(net: SimNetwork) -> None:
    """Even a long question with a half-close behind it is answered to the end."""
    serving(net)
    question = bytes(300_000)
    answer = net.run(ask_stream(net.host("client").reactor, ECHO_TCP, question, 300))
    assert answer == question, f"{len(answer)} of {len(question)} bytes came back"


def _unread(net: SimNetwork) -> None:
    """Whoever asks and does not read the answers is not read from either."""
    bench = serving(net)
    net.run(Talker(bytes(3_000_000), listens=False).to(net.host("client"), ECHO_TCP))
    net.run_for(20)
    taken = bench.counters.door("echo-tcp").received
    assert taken < MOST_TAKEN, f"the server took {taken} bytes that it cannot get rid of"


def _asked(net: SimNetwork) -> None:
    """Whoever asks is answered, or told that there is no answer."""
    serving(net)
    asker = DatagramAsker(net.host("client").reactor, ECHO_UDP)

    async def ask() -> None:
        await asker.open()
        for _ in range(5):
            try:
                await asker.ask(b"hello")
            except NoAnswerError:
                return

    net.run(ask)


async def _for_ever(reactor: Any, patience: float, waiting: Deferred[Any], otherwise: str) -> Any:
    """Wait as long as it takes."""
    return await waiting


BUGS = (
    Planted(
        "half-close ignored",
        _echoed,
        ((Stream, "readConnectionLost", lambda stream: stream.transport.abortConnection()),),
    ),
    Planted("no backpressure", _unread, ((Stream, "_follow_the_peer", lambda stream: None),)),
    Planted(
        "wait without an end",
        _asked,
        ((echo_client, "within", _for_ever),),
        {"link": Link(latency=0.02, loss=0.1)},
    ),
)
