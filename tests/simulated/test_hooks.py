"""Webhooks on bad networks: told in order, tried again, never to the wrong machine."""

import hmac
import json
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.simulated.scenarios import CUT, NARROW
from twisted_net.chat.hooks.config import Hook
from twisted_net.chat.hooks.core import PAUSES, WAITING
from twisted_net.chat.hooks.outgoing import WITHIN, Outgoing
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.testing import Host, SimNetwork, simulate


class Peer(Resource):
    """Somebody's server: keeps what it is told.

    :ivar codes: what it answers, one after the other; then 200.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.codes: list[int] = []
        self.done: Deferred[None] = Deferred()
        self.wanted = 0

    def __call__(self, host: Host) -> None:
        """Boot."""
        site: Any = Site(self, reactor=host.reactor)
        host.reactor.listenTCP(8000, site)

    def render_POST(self, request: Any) -> bytes:
        """Keep it, or refuse it."""
        code = self.codes.pop(0) if self.codes else 200
        request.setResponseCode(code)
        if code == 200:
            self.told.append(json.loads(request.content.read())["text"])
            headers = request.requestHeaders.getAllRawHeaders()
            self.headers.append({name.decode(): values[0].decode() for name, values in headers})
            if len(self.told) == self.wanted:
                self.done.callback(None)
        return b"thanks" * 100


def telling(net: SimNetwork, **options: Any) -> tuple[Peer, Outgoing, DoorCounters]:
    """Return somebody's server, what tells it, and what is counted."""
    peer, counters = Peer(), DoorCounters()
    net.host("peer", peer)
    reactor = net.host("chat").reactor
    hook = Hook("lobby", **{"url": "http://peer:8000/said", **options})
    return peer, Outgoing(hook, reactor, Drops("chat", counters, reactor.seconds)), counters


def said(text: str) -> bytes:
    """Return a message."""
    return json.dumps({"text": text}).encode()


@simulate(seeds=4, link=NARROW, chunking=CUT)
async def test_all_is_told_in_order_over_a_bad_link(net: SimNetwork) -> None:
    """Signed, so that whoever is told knows by whom."""
    peer, outgoing, counters = telling(net, key="secret")
    peer.wanted = 5
    for n in range(5):
        outgoing.tell(said(str(n)))
    await peer.done
    assert peer.told == list("01234")
    expected = hmac.new(b"secret", said("0"), "sha256").hexdigest()
    assert peer.headers[0]["X-Netdemo-Signature"] == f"sha256={expected}"
    assert peer.headers[0]["Content-Type"] == "application/json"
    assert not counters.dropped


@simulate(seeds=2)
async def test_a_server_that_is_away_is_told_when_it_is_back(net: SimNetwork) -> None:
    """By an error, or by no answer at all."""
    peer, outgoing, counters = telling(net)
    peer.codes, peer.wanted = [503, 429], 2
    outgoing.tell(said("a"))
    outgoing.tell(said("b"))
    await net.sleep(PAUSES[0] / 2)
    net["peer"].kill()
    net.at(net.seconds() + 5.0, net["peer"].restart)
    await peer.done
    assert peer.told == ["a", "b"]
    assert not counters.dropped


@simulate(seeds=1)
async def test_a_server_that_stays_away_costs_a_message_and_not_the_next(net: SimNetwork) -> None:
    """It is counted, and said in the log once."""
    peer, outgoing, counters = telling(net)
    peer.codes, peer.wanted = [500] * (len(PAUSES) + 1) + [404], 1
    with capturedLogs():
        for text in ("lost", "refused", "told"):
            outgoing.tell(said(text))
        await peer.done
    assert peer.told == ["told"]
    assert counters.dropped == {"hook_not_told": 2}


@simulate(seeds=1)
async def test_a_server_that_never_answers_is_not_waited_for(net: SimNetwork) -> None:
    """Neither for its answer, nor for the end of it; and what waits has a bound."""
    _, outgoing, counters = telling(net, url="http://peer:8001/")
    net["peer"].reactor.listenTCP(8001, _silent())
    with capturedLogs():
        for n in range(WAITING + 5):
            outgoing.tell(said(f"{n}"))
        await net.sleep(sum(PAUSES) + (len(PAUSES) + 1) * WITHIN + 1)
    assert counters.dropped == {"hook_queue_full": 5, "hook_not_told": 1}


@pytest.mark.parametrize("local", [False, True])
@simulate(seeds=1)
async def test_this_machine_is_told_only_if_that_was_meant(net: SimNetwork, local: bool) -> None:
    """Whatever its name is: what listens there listens for this machine alone."""
    peer, counters = Peer(), DoorCounters()
    reactor = net.host("chat", peer).reactor
    peer.wanted = 1
    for url in ("http://127.0.0.1:8000/", "http://localhost:8000/"):
        hook = Hook("lobby", url=url, local=local)
        with capturedLogs():
            Outgoing(hook, reactor, Drops("chat", counters, reactor.seconds)).tell(said("x"))
            await net.sleep(5.0)
        peer.done = Deferred()
    assert peer.told == (["x", "x"] if local else [])
    dropped = {"hook_to_this_machine": 2, "hook_not_told": 2}
    assert counters.dropped == ({} if local else dropped)


def _silent() -> Any:
    from twisted.internet.protocol import Factory, Protocol

    return Factory.forProtocol(Protocol)
