"""Bugs of the chat."""

from typing import Any

from tests.simulated.bench import CHAT_TCP, serving, together
from tests.simulated.bugs.planted import Planted
from tests.simulated.chatters import Member
from tests.simulated.parties import Talker
from tests.simulated.promises import chat_keeps_its_word
from tests.simulated.scenarios import STORM, Chat
from twisted_net.chat.client.line import _Wire
from twisted_net.chat.core.reliable import AHEAD, Inbox, Outbox
from twisted_net.net.transports import Stream
from twisted_net.testing import Chunking, Link, SimNetwork


def _take_again(
    inbox: Inbox, seq: int, body: bytes, now: float, take: Any = Inbox.take
) -> list[tuple[int, bytes]]:
    """Take each message whenever it comes."""
    new = 0 < (seq - inbox.ack) % (1 << 32) <= AHEAD and seq not in inbox._kept
    return take(inbox, seq, body, now) if new else [(seq, body)]


def _take_at_once(
    inbox: Inbox, seq: int, body: bytes, now: float, take: Any = Inbox.take
) -> list[tuple[int, bytes]]:
    """Read a message as it comes, whatever is missing before it."""
    take(inbox, seq, body, now)
    return [(seq, body)]


def _send_once(outbox: Outbox, now: float, due: Any = Outbox.due) -> Any:
    """Send what is new, and never anything again."""
    for sent in outbox._flying.values():
        sent.due = float("inf")
    return due(outbox, now)


def _read_pieces(wire: Any, data: bytes) -> None:
    """Take each piece of the stream for whole lines."""
    for line in data.splitlines():
        wire._client.received(line)


def _shouting(net: SimNetwork) -> None:
    """Two say many things, the next before the last has arrived."""
    serving(net)
    members = [Member(net.host(f"c{n}"), "udp") for n in range(2)]
    net.run(together(*(member.enter(tries=20) for member in members)))
    net.run(together(*(member.shout(15) for member in members)))
    net.run(together(*(member.answer_the_roll() for member in members)))
    chat_keeps_its_word(members)


def _conversation(net: SimNetwork) -> None:
    """Two talk over lines, and nothing may happen to them."""
    serving(net)
    members = [Member(net.host(f"c{n}"), "tcp") for n in range(2)]
    assert all(net.run(together(*(member.enter() for member in members)))), "not let in"
    net.run(together(*(member.say(5) for member in members)))
    net.run(together(*(member.answer_the_roll() for member in members)))
    chat_keeps_its_word(members)
    assert all(member.visit.present for member in members), "a member is gone"


def _hang_up(stream: Stream, reactor: Any, last_words: bytes) -> None:
    """Close a connection on which more is still to come."""
    stream.hang_up(last_words)


def _last_words(net: SimNetwork) -> None:
    """Somebody says too much at once, and has to hear why the server hangs up."""
    serving(net)
    talker = Talker(b"x" * 200_000)
    net.run(talker.to(net.host("client"), CHAT_TCP))
    net.run_until(lambda: talker.lost)
    assert b"ERR 413" in talker.heard, f"hung up without a word: {talker.heard!r}"


#: A link on which some are lost and some are late.
UNEVEN = Link(latency=0.02, loss=0.03, reorder=0.05)

_SMALL = Chat(("udp", "udp"), texts=5)

BUGS = (
    Planted(
        "no dedupe",
        _SMALL,
        (
            (Inbox, "has", lambda inbox, seq: False),
            (Inbox, "fits", lambda inbox, seq: True),
            (Inbox, "take", _take_again),
        ),
        {"link": STORM},
    ),
    Planted("no order", _shouting, ((Inbox, "take", _take_at_once),), {"link": UNEVEN}),
    Planted("no retransmission", _SMALL, ((Outbox, "due", _send_once),), {"link": STORM}),
    Planted(
        "naive framing",
        _conversation,
        ((_Wire, "dataReceived", _read_pieces),),
        {"chunking": Chunking(split=0.3, merge=0.2)},
    ),
    Planted(
        "reply lost on close with unread data",
        _last_words,
        ((Stream, "linger", _hang_up),),
        {"link": Link(latency=0.02, loss=0.02)},
    ),
)
