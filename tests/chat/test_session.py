"""Tests of `twisted_net.chat.core.datagram` and `cookies`: a pair of sessions and a wire."""

import heapq
import itertools
from collections.abc import Iterable
from math import inf
from random import Random

import pytest

from tests.chat.members import dice
from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.actions import Action
from twisted_net.chat.codec.datagram import (
    MAX_PACKET,
    RETRY_LENGTH,
    Flag,
    Key,
    Packet,
    Type,
    decode,
    encode,
    packed,
    proven,
    unpacked,
)
from twisted_net.chat.codec.messages import Event, Kind, Missed, Say
from twisted_net.chat.core.cookies import Cookies
from twisted_net.chat.core.datagram import HALF_OPEN, KEPT, Session
from twisted_net.chat.core.handshake import DEAD, KEEPALIVE, Invitation
from twisted_net.chat.core.open_session import ACK_DELAY
from twisted_net.chat.core.path import QUESTION
from twisted_net.chat.core.reliable import HELD, LONGEST_WAIT
from twisted_net.chat.core.states import (
    NEXT,
    Came,
    Ended,
    Gap,
    Happening,
    Hinted,
    Opened,
    Resumed,
    Silent,
    Slowed,
    State,
    Step,
    Undelivered,
)
from twisted_net.net.errors import LocalProtocolError

COOKIE = bytes(range(20))
KEY = b"k" * 16
SESSION = b"session!"


def answer(kind: Type, hello: bytes, fields: dict[Key, bytes], code: int = 0) -> bytes:
    """Answer a HELLO as a server does that has no session for it."""
    nonce = decode(hello).session
    return encode(Packet(kind, nonce, code, fields=packed(fields), flags=Flag.RESPONDER))


def invited(hello: bytes, seed: int = 1, now: float = 0.0) -> Session:
    """Begin a server's session for a HELLO."""
    packet = decode(hello)
    invitation = Invitation(packet.session, SESSION, KEY, packet.seq, "red", "lobby")
    return Session.responder(dice(seed), now, invitation, lambda now: True)


def proving(seed: int = 2) -> tuple[Session, bytes]:
    """Return a client's session that has its cookie, and its second HELLO."""
    client = Session.initiator(dice(seed), 0.0, "red")
    (hello,) = client.outgoing(0.0)
    client.received(answer(Type.RETRY, hello, {Key.COOKIE: COOKIE}), 0.0)
    (hello,) = client.outgoing(0.0)
    return client, hello


def carry(here: Session, there: Session, now: float) -> tuple[list[Happening], list[Happening]]:
    """Carry all datagrams to and fro until there are no more."""
    mine: list[Happening] = []
    others: list[Happening] = []
    patience = 0.0
    while patience <= ACK_DELAY:
        out, back = (each.outgoing(now + patience) for each in (here, there))
        for datagram in out:
            others += there.received(datagram, now)
        for datagram in back:
            mine += here.received(datagram, now)
        patience = 0.0 if out or back else patience + ACK_DELAY
    return mine, others


def opened() -> tuple[Session, Session]:
    """Return both sides of an open session."""
    client, hello = proving()
    server = invited(hello)
    assert carry(client, server, 0.0) == ([Opened("red", "lobby")], [Opened("red", "lobby")])
    return client, server


def message(text: str = "hi") -> bytes:
    """Return a message's body."""
    return actions.asked(Say("", text))


def bodies(happenings: Iterable[Happening]) -> list[bytes]:
    """Return what came."""
    return [each.body for each in happenings if isinstance(each, Came)]


def test_a_session_opens_when_both_sides_are_proven() -> None:
    """The address by its cookie, the key by the first good tag."""
    client, server = opened()
    assert client.state is server.state is State.OPEN
    assert client.id == server.id == SESSION
    assert client.settled


def test_a_hello_is_repeated_until_nobody_answers() -> None:
    """Later and later; then the user is told."""
    client = Session.initiator(dice(1), 0.0, "red")
    sent = len(client.outgoing(0.0))
    happened: list[Happening] = []
    while client.deadline < inf:
        now = client.deadline
        happened += client.wake(now)
        sent += len(client.outgoing(now))
    assert (sent, happened) == (5, [Ended("no answer")])
    assert now == 1 + 2 + 4 + 8 + 8


def test_a_refused_name_ends_the_session_with_its_reason() -> None:
    """And the user may try another one."""
    client, hello = proving()
    error = answer(Type.RST, hello, {Key.ERROR: b"409 name 'red' is taken"}, 5)
    assert client.received(error, 0.0) == [Ended("409 name 'red' is taken", 5)]
    assert client.state is State.CLOSED
    assert client.deadline == inf


def test_a_lost_welcome_is_said_again() -> None:
    """The same one: there is no second session."""
    client, hello = proving()
    server = invited(hello)
    (lost,) = server.outgoing(0.0)
    assert server.received(hello, 1.0) == []
    assert server.outgoing(1.0) == [lost]
    assert client.received(lost, 1.0) == []
    assert client.state is State.CONFIRMING


def test_a_half_open_session_is_forgotten() -> None:
    """Whoever does not come back after its welcome holds no place."""
    _, hello = proving()
    server = invited(hello)
    server.outgoing(0.0)
    assert server.deadline == HALF_OPEN
    assert server.wake(HALF_OPEN) == [Ended("timeout")]
    assert server.outgoing(HALF_OPEN) == []


def test_a_repeated_message_is_acknowledged_again_but_heard_once() -> None:
    """When its acknowledgement was lost."""
    client, server = opened()
    client.send(message())
    (first,) = client.outgoing(1.0)
    assert bodies(server.received(first, 1.0)) == [message()]
    (lost,) = server.outgoing(1.0 + ACK_DELAY)
    assert server.received(first, 1.1) == []
    (ack,) = server.outgoing(1.1)
    assert decode(ack).type is decode(lost).type is Type.ACK
    client.received(ack, 1.2)
    assert client.settled


def until_silent(session: Session, now: float) -> tuple[float, list[bytes], list[Happening]]:
    """Let time pass until a session falls silent; return when, and what it sent and told."""
    sent, happened = session.outgoing(now), []
    while session.state is State.OPEN:
        now = session.deadline
        happened += session.wake(now)
        sent += session.outgoing(now)
    return now, sent, happened


def types(datagrams: Iterable[bytes]) -> list[Type]:
    """Return what datagrams are for."""
    return [decode(each).type for each in datagrams]


def test_a_client_whom_nobody_acknowledges_gives_its_messages_up() -> None:
    """Five times each; the author hears that, and the server is asked whether it is there."""
    client, _ = opened()
    numbers = [client.send(message(str(n))) for n in range(3)]
    _, sent, happened = until_silent(client, 0.0)
    assert types(sent) == [Type.CON] * 5 + [Type.PING]
    assert happened == [Silent(), Undelivered(tuple(numbers))]
    assert client.send(message("later")) == numbers[1], "the numbers of what never left are free"


def test_what_was_given_up_is_not_heard_later() -> None:
    """It keeps its place, or the other side would wait for it before it reads what follows."""
    client, server = opened()
    lost = client.send(message("lost"))
    now, _, _ = until_silent(client, 0.0)
    now += 5.0
    client.wake(now)
    mine, others = carry(client, server, now)
    assert mine == [Resumed()]
    assert others == [Came(lost, actions.NOTHING)]
    client.send(message("new"))
    assert bodies(carry(client, server, now)[1]) == [message("new")]


def test_a_silent_client_asks_later_and_later_and_then_no_more() -> None:
    """As long as a server might still know it; each question long enough for a RETRY."""
    client, _ = opened()
    now, _, _ = until_silent(client, 0.0)
    times, happened = [], []
    while client.state is State.SILENT:
        now = client.deadline
        happened += client.wake(now)
        for datagram in client.outgoing(now):
            assert (decode(datagram).type, len(datagram)) == (Type.PING, RETRY_LENGTH)
            times.append(now)
    assert happened == [Ended("no answer")]
    assert DEAD + KEPT <= now <= DEAD + KEPT + LONGEST_WAIT
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits == sorted(waits)
    assert max(waits) == LONGEST_WAIT


def test_a_server_keeps_what_it_had_to_say_for_a_client_that_comes_back() -> None:
    """In order and once, however much of it had arrived."""
    client, server = opened()
    for number in range(20):
        server.send(message(str(number)))
    heard = bodies(client.received(server.outgoing(0.0)[0], 0.0))
    now, sent, happened = until_silent(server, 0.0)
    assert types(sent) == [Type.CON] * 4
    assert happened == [Silent()]
    client.wake(now)
    client._queue(Type.PING)
    mine, others = carry(client, server, now)
    assert others == [Resumed()]
    assert heard + bodies(mine) == [message(str(number)) for number in range(20)]


def test_a_server_forgets_a_silent_client_after_a_while() -> None:
    """Whoever comes back later has to prove itself again."""
    client, server = opened()
    now, sent, happened = until_silent(server, 0.0)
    assert (now, sent, happened) == (DEAD, [], [Silent()])
    assert server.deadline == DEAD + KEPT
    assert server.wake(DEAD + KEPT) == [Ended("timeout")]
    assert server.outgoing(DEAD + KEPT) == []
    client._queue(Type.PING)
    assert server.received(client.outgoing(0.0)[-1], DEAD + KEPT) == []


def test_a_silent_server_is_asked_and_answers() -> None:
    """The client keeps the session alive; a server never begins."""
    client, server = opened()
    assert client.deadline == KEEPALIVE
    assert client.wake(KEEPALIVE) == []
    (ping,) = client.outgoing(KEEPALIVE)
    server.received(ping, KEEPALIVE)
    (pong,) = server.outgoing(KEEPALIVE)
    assert [decode(each).type for each in (ping, pong)] == [Type.PING, Type.PONG]
    client.received(pong, KEEPALIVE + 0.1)
    assert client.deadline == KEEPALIVE + 0.1 + KEEPALIVE
    assert server.deadline == KEEPALIVE + DEAD


def test_a_bye_ends_it_without_an_answer() -> None:
    """The reason that others hear is not the client's to choose."""
    client, server = opened()
    client.bye("x\nLEFT blue")
    (bye,) = client.outgoing(1.0)
    assert server.received(bye, 1.0) == [Ended("quit")]
    assert server.outgoing(1.0) == []
    with pytest.raises(LocalProtocolError):
        server.send(message())
    client, server = opened()
    server.bye("server stopping", 9)
    (bye,) = server.outgoing(1.0)
    assert client.received(bye, 1.0) == [Ended("server stopping", 9)]


def test_a_client_greets_a_server_that_forgot_it() -> None:
    """With what it heard last; the messages of the old session are over."""
    client, _ = opened()
    number = client.send(message("old"))
    client.outgoing(1.0)
    client.since = 77 << 16
    retry = Packet(Type.RETRY, SESSION, fields=packed({Key.COOKIE: COOKIE}), flags=Flag.RESPONDER)
    assert client.received(encode(retry), 1.0) == [Undelivered((number,))]
    (hello,) = client.outgoing(1.0)
    packet = decode(hello)
    said = unpacked(packet.fields)
    assert packet.type is Type.HELLO
    assert (said[Key.COOKIE], said[Key.NAME]) == (COOKIE, b"red")
    assert int.from_bytes(said[Key.SINCE], "big") == 77 << 16
    server = invited(hello, 5, 1.0)
    mine, others = carry(client, server, 1.0)
    assert mine == others == [Opened("red", "lobby")]
    server.send(message("new"))
    assert bodies(carry(client, server, 1.0)[0]) == [message("new")]


def test_a_client_begins_anew_every_five_seconds_at_most() -> None:
    """A server, or who speaks for it, cannot keep it busy; without a cookie it does nothing."""
    client, _ = opened()
    bare = encode(Packet(Type.RETRY, SESSION, flags=Flag.RESPONDER))
    fields = packed({Key.COOKIE: COOKIE})
    retry = encode(Packet(Type.RETRY, SESSION, fields=fields, flags=Flag.RESPONDER))
    assert client.received(bare, 1.0) == []
    assert client.outgoing(1.0) == []
    begun = 0
    for tenth in range(10, 110):
        now = tenth / 10
        client.received(retry, now)
        for hello in client.outgoing(now):
            begun += 1
            carry(client, invited(hello, 5, now), now)
    assert begun == 2


def test_a_server_that_is_never_content_is_given_up() -> None:
    """A new cookie each time would keep a client saying HELLO as fast as it can (R16)."""
    client = Session.initiator(dice(1), 0.0, "red")
    sent = client.outgoing(0.0)
    happened: list[Happening] = []
    while sent and len(sent) < 100:
        cookie = len(sent).to_bytes(20, "big")
        happened += client.received(answer(Type.RETRY, sent[0], {Key.COOKIE: cookie}), 0.0)
        more = client.outgoing(0.0)
        if not more:
            break
        sent += more
    assert (len(sent), happened) == (6, [Ended("no answer")])


def test_only_a_server_forgets_sessions() -> None:
    """A forged RETRY that begs a server to forget one is ignored."""
    _, server = opened()
    assert server.received(encode(Packet(Type.RETRY, SESSION)), 1.0) == []
    assert server.state is State.OPEN


def test_what_a_stranger_sends_changes_nothing() -> None:
    """Without the key, with another session, or with our own words."""
    client, server = opened()
    client.send(message())
    (datagram,) = client.outgoing(1.0)
    packet = decode(datagram)
    for key in (None, b"x" * 16):
        assert server.received(encode(packet, key), 1.0) == []
    assert server.outgoing(1.0) == []
    assert client.received(datagram, 1.0) == []
    for flags in (Flag.PEER, Flag.RESPONDER):
        strange = Packet(packet.type, SESSION, 1, packet.seq, fields=packet.fields, flags=flags)
        assert server.received(encode(strange, KEY), 1.0) == []
    assert server.received(b"hello", 1.0) == []


def test_a_fast_sender_is_not_acknowledged_and_slows_down() -> None:
    """Nothing is lost: it sends the message again, later."""
    client, hello = proving()
    packet = decode(hello)
    invitation = Invitation(packet.session, SESSION, KEY, packet.seq, "red", "lobby")
    server = Session.responder(dice(1), 0.0, invitation, lambda now: now >= 5.0)
    carry(client, server, 0.0)
    client.send(message())
    (datagram,) = client.outgoing(0.0)
    assert server.received(datagram, 0.0) == [Slowed()]
    assert server.outgoing(0.0) == []
    assert bodies(server.received(datagram, 5.0)) == [message()]


def test_a_slow_peer_is_told_how_much_it_missed() -> None:
    """What waits is bounded; the gap is shown in its place."""
    client, server = opened()
    event = message("x" * 1000)
    for _ in range(30):
        server.offer(event)
    _, came = carry(server, client, 1.0)
    heard = [each for body in bodies(came) for each in actions_said.heard(body)[1]]
    missed = [each for each in heard if isinstance(each, Missed)]
    assert missed == [Missed(30 - (len(heard) - 1))]
    assert heard.index(missed[0]) == len(heard) - 1


def test_a_gap_tells_the_id_of_the_last_event_in_it() -> None:
    """So that who wants to can ask the history for what is missing."""
    client, server = opened()
    for number in range(1, 31):
        server.offer(actions_said.told(Event(number << 16, Kind.SAID, "lobby", "blue", "x" * 900)))
    (missed,) = [each for each in bodies(carry(server, client, 1.0)[1]) if each[0] == Action.MISSED]
    assert actions_said.id_of(missed) == 30 << 16


def test_a_message_that_never_comes_is_not_waited_for_for_ever() -> None:
    """The gap is told, then what came after it; a late copy is acknowledged and not heard."""
    client, server = opened()
    for text in ("0", "1"):  # of one window
        server.send(message(text))
        carry(client, server, 0.0)
    numbers = [server.send(message(text)) for text in ("2", "3")]
    lost, kept = server.outgoing(1.0)
    assert client.received(kept, 1.0) == []
    assert types(client.outgoing(1.0)) == [Type.ACK]
    assert client.deadline == 1.0 + HELD
    assert client.wake(1.0 + HELD) == [Gap((numbers[0],)), Came(numbers[1], message("3"))]
    assert client.received(lost, 12.0) == []
    server.received(client.outgoing(12.0)[-1], 12.0)
    assert server.settled


NEW = b"n" * 16


def test_a_key_is_changed_by_the_client_s_first_use_of_it() -> None:
    """Until then the server tags with the old one; afterwards nobody takes that any more."""
    client, server = opened()
    server.send(message("proven"))
    server.change_key(NEW)
    (told,) = server.outgoing(1.0)
    assert proven(told, KEY)
    assert bodies(client.received(told, 1.0)) == [message("proven")]
    client.change_key(NEW)
    (old,) = client.outgoing(1.0 + ACK_DELAY)
    assert proven(old, NEW)
    server.received(old, 1.1)
    server.send(message("again"))
    (new,) = server.outgoing(1.2)
    assert proven(new, NEW)
    assert client.received(told, 1.2) == [], "a late one is still known as one heard before"
    assert bodies(client.received(new, 1.2)) == [message("again")]
    stale = encode(decode(new)._replace(seq=decode(new).seq + 1), KEY)
    assert client.received(stale, 1.3) == []
    forged = encode(Packet(Type.CON, SESSION, 1, fields=packed({Key.TEXT: b"x"})), KEY)
    server.outgoing(1.4)
    assert server.received(forged, 1.4) == []
    assert server.outgoing(1.5) == []


def test_a_key_that_the_client_never_uses_changes_nothing() -> None:
    """When it does not believe the server."""
    client, server = opened()
    server.change_key(NEW)
    client.send(message())
    assert carry(client, server, 1.0)[1]
    assert client.settled


def test_messages_are_not_lost_while_the_key_changes() -> None:
    """What is repeated is tagged anew; what was under way is still believed."""
    client, server = opened()
    for number in range(3):
        server.send(message(str(number)))
    lost = server.outgoing(1.0)
    server.change_key(NEW)
    client.change_key(NEW)
    client.send(message("mine"))
    _, theirs = carry(client, server, 1.0)
    assert bodies(theirs) == [message("mine")]
    assert lost
    now = server.deadline
    server.wake(now)
    mine, _ = carry(client, server, now)
    assert bodies(mine) == [message(str(number)) for number in range(3)]


def test_a_hint_is_neither_acknowledged_nor_repeated() -> None:
    """It is heard as it comes, or not at all."""
    client, server = opened()
    client.hint(message("typing"))
    (hint,) = client.outgoing(1.0)
    assert decode(hint).type is Type.NON
    assert server.received(hint, 1.0) == [Hinted(message("typing"))]
    assert server.outgoing(2.0) == []
    assert client.settled


def test_acknowledgements_wait_for_something_to_ride_on() -> None:
    """Not longer than 50 ms, and for two messages at most."""
    client, server = opened()
    server.send(message())
    client.received(server.outgoing(1.0)[0], 1.0)
    assert client.outgoing(1.0) == []
    assert client.deadline == 1.0 + ACK_DELAY
    assert client.wake(1.0 + ACK_DELAY) == []
    (ack,) = client.outgoing(1.0 + ACK_DELAY)
    assert decode(ack).type is Type.ACK
    server.received(ack, 1.1)
    for _ in range(2):
        server.send(message())
    first, second = server.outgoing(2.0)
    client.received(first, 2.0)
    assert client.outgoing(2.0) == []
    client.received(second, 2.0)
    assert types(client.outgoing(2.0)) == [Type.ACK]


THERE = ("192.0.2.99", 4001)


def test_a_peer_that_moved_is_asked_and_answers() -> None:
    """Only who has the key, from where it was asked, and once."""
    client, server = opened()
    client.send(message("from there"))
    (datagram,) = client.outgoing(1.0)
    packet = decode(datagram)
    question, moved = server.elsewhere(packet, datagram, THERE, 1.0)
    assert not moved
    assert decode(question).type is Type.CHALLENGE
    assert len(question) == QUESTION <= len(datagram)
    client.received(question, 1.0)
    (response,) = [each for each in client.outgoing(1.0) if decode(each).type is Type.RESPONSE]
    other = ("192.0.2.98", 4001)
    assert server.elsewhere(decode(response), response, other, 1.0) == (b"", False)
    assert server.elsewhere(decode(response), response, THERE, 1.0) == (b"", True)
    assert server.elsewhere(decode(response), response, THERE, 1.0) == (b"", False)


def test_a_new_address_is_asked_once_a_second_and_never_with_more_than_it_sent() -> None:
    """Else somebody's packets, repeated from elsewhere, could be used against others (R4)."""
    client, server = opened()
    client.send(message("long enough for an answer"))
    client._queue(Type.ACK)
    ack, long = client.outgoing(1.0)
    assert len(ack) < QUESTION
    assert server.elsewhere(decode(ack), ack, THERE, 1.0) == (b"", False)
    asked = [server.elsewhere(decode(long), long, THERE, 1 + n / 10)[0] for n in range(20)]
    assert [n for n, question in enumerate(asked) if question] == [0, 10]
    assert asked[0] == asked[10], "an answer that is under way still counts"
    stranger = long[:-1] + b"?"
    assert server.elsewhere(decode(stranger), stranger, THERE, 9.0) == (b"", False)


def test_a_server_with_too_much_to_say_takes_no_requests() -> None:
    """Their answers need room too."""
    client, server = opened()
    for _ in range(12):
        server.offer(message("x" * 1000))
    client.send(message())
    (datagram,) = client.outgoing(1.0)
    assert server.received(datagram, 1.0) == [Slowed()]


def test_a_long_datagram_is_refused_if_it_is_the_peer_s() -> None:
    """A stranger gets nothing."""
    client, server = opened()
    long = Packet(Type.CON, SESSION, 1, fields=packed({Key.TEXT: b"x" * 8966}))
    assert not server.refuse_long(encode(long, b"x" * 16))
    assert server.outgoing(1.0) == []
    datagram = encode(long, KEY)
    assert server.refuse_long(datagram)
    (refused,) = server.outgoing(1.0)
    fields = unpacked(decode(refused).fields)
    assert fields[Key.ERROR] == f"TOO_BIG {len(datagram)} > {MAX_PACKET}".encode()
    assert client.received(refused, 1.0) == []
    assert client.state is State.OPEN


@pytest.mark.parametrize("state", State)
def test_every_step_either_moves_a_session_or_is_a_bug(state: State) -> None:
    """There is no third thing."""
    client, _ = opened()
    for step in Step:
        client.state = state
        if (state, step) in NEXT:
            client._step(step)
            assert client.state is NEXT[state, step]
        else:
            with pytest.raises(LocalProtocolError):
                client._step(step)


def in_state(side: str) -> Session:
    """Return a session that stands somewhere, with nothing left to send."""
    client, server = opened()
    proved, hello = proving(9)
    quiet, gone = opened()
    for each in (quiet, gone):
        each.wake(DEAD)
    closed = Session.initiator(dice(9), 0.0, "red")
    closed.bye()
    session = {
        "client": client,
        "server": server,
        "quiet client": quiet,
        "quiet server": gone,
        "half": invited(hello),
        "greeting": Session.initiator(dice(9), 0.0, "red"),
        "proving": proved,
        "closed": closed,
    }[side]
    session.outgoing(0.0)
    return session


@pytest.mark.parametrize(
    "side",
    ["client", "server", "quiet client", "quiet server", "half", "greeting", "proving", "closed"],
)
def test_every_packet_in_every_state_is_taken_or_ignored(side: str) -> None:
    """And answers are never answered (R3)."""
    answers = (Type.WELCOME, Type.RST, Type.ACK, Type.PONG, Type.RESPONSE, Type.HERE)
    for kind, tagged in itertools.product(Type, [False, True]):
        session = in_state(side)
        flags = Flag.NONE if side in ("server", "quiet server", "half") else Flag.RESPONDER
        name = session.id if tagged else session.nonce
        packet = Packet(kind, name, seq=5, ack=6, bits=7, flags=flags)
        session.received(encode(packet, KEY if tagged else None), 0.5)
        if kind in answers:
            assert session.outgoing(0.5) == []


class Wire:
    """A wire that loses, doubles and reorders datagrams, by seeded dice."""

    def __init__(self, seed: int) -> None:
        self._dice = dice(seed)
        self._count = itertools.count()
        self.flying: list[tuple[float, int, str, bytes]] = []

    def send(self, to: str, datagrams: Iterable[bytes], now: float) -> None:
        """Let datagrams fly, or be lost: 30 %, 5 % twice, 10 % late."""
        for datagram in datagrams:
            copies = 0 if self._dice.random() < 0.3 else 1 + (self._dice.random() < 0.05)
            for _ in range(copies):
                late = 0.3 if self._dice.random() < 0.1 else 0.0
                at = now + 0.02 + late + self._dice.random() / 100
                heapq.heappush(self.flying, (at, next(self._count), to, datagram))


class OpenSession:
    """A client and a server that say something to each other over a bad wire."""

    def __init__(self, seed: int, count: int = 12) -> None:
        self.wire = Wire(seed)
        self.cookies = Cookies(dice(seed))
        self.client = Session.initiator(dice(seed + 1), 0.0, "red")
        self.server: Session | None = None
        self.said: dict[str, dict[int, bytes]] = {"client": {}, "server": {}}
        self.heard: dict[str, list[tuple[int, bytes]]] = {"client": [], "server": []}
        self.gaps: dict[str, list[int]] = {"client": [], "server": []}
        self.undelivered: dict[int, None] = {}
        self.told: list[type[Happening]] = []
        self.count = count
        self._said = {"client": 0, "server": 0}
        self.over: dict[str, Ended] = {}
        self.now = 0.0
        self._dice: Random = dice(seed + 2)

    def run(self) -> None:
        """Let it run until both have nothing to say any more, or it is over."""
        for _ in range(5000):
            self._transmit()
            times = [self.wire.flying[0][0]] if self.wire.flying else []
            both = [each for each in (self.client, self.server) if each is not None]
            times += [each.deadline for each in both]
            if min(times) == inf or self._done():
                return
            self.now = max(self.now, min(times))
            self._arrive()
            for side, session in (("client", self.client), ("server", self.server)):
                if session is not None:
                    self._happened(side, session.wake(self.now))
        raise AssertionError("it never ends")

    def _done(self) -> bool:
        whole = all(said == self.count for said in self._said.values())
        settled = self.server is not None and self.server.settled and self.client.settled
        return whole and settled and not self.wire.flying

    def _transmit(self) -> None:
        self.wire.send("server", self.client.outgoing(self.now), self.now)
        if self.server is not None:
            self.wire.send("client", self.server.outgoing(self.now), self.now)

    def _arrive(self) -> None:
        while self.wire.flying and self.wire.flying[0][0] <= self.now:
            _, _, to, datagram = heapq.heappop(self.wire.flying)
            if to == "client":
                self._happened("client", self.client.received(datagram, self.now))
            else:
                self._at_server(datagram)

    def _at_server(self, datagram: bytes) -> None:
        packet = decode(datagram)
        known = self.server is not None and packet.session in (self.server.id, self.server.nonce)
        if known and self.server is not None:
            self._happened("server", self.server.received(datagram, self.now))
        elif packet.type is Type.HELLO and self.server is None:
            cookie = unpacked(packet.fields).get(Key.COOKIE, b"")
            if self.cookies.good(cookie, ("192.0.2.1", 4000), self.now):
                self.server = invited(datagram, 77, self.now)
            else:
                made = self.cookies.make(("192.0.2.1", 4000), self.now)
                retry = answer(Type.RETRY, datagram, {Key.COOKIE: made})
                self.wire.send("client", [retry], self.now)

    def _happened(self, side: str, happenings: list[Happening]) -> None:
        for happening in happenings:
            match happening:
                case Opened():
                    self._say(side)
                case Came(seq, body):
                    self.heard[side].append((seq, body))
                    self._say(side)
                case Gap(missing):
                    self.gaps[side] += missing
                case Undelivered(numbers):
                    self.undelivered.update(dict.fromkeys(numbers))
                case Ended():
                    self.over[side] = happening
            self.told.append(type(happening))

    def _say(self, side: str) -> None:
        session = self.client if side == "client" else self.server
        for _ in range(self._dice.randrange(1, 4) if session is not None else 0):
            if self._said[side] < self.count and session is not None:
                body = message(f"{side} {self._said[side]}")
                self._said[side] += 1
                if session.state in (State.OPEN, State.SILENT):
                    self.said[side][session.send(body)] = body


def test_messages_arrive_in_order_and_once_over_a_bad_wire() -> None:
    """30 % lost, 5 % doubled, 10 % late: all is heard, or a gap shown, or its author told."""
    told: list[type[Happening]] = []
    for seed in range(400):
        talk = OpenSession(seed)
        talk.run()
        told += talk.told
        for side, other in (("client", "server"), ("server", "client")):
            heard, gaps, said = talk.heard[side], talk.gaps[side], talk.said[other]
            read = sorted([*(seq for seq, _ in heard), *gaps], key=lambda seq: _far(seq, heard))
            assert all((b - a) % (1 << 32) == 1 for a, b in itertools.pairwise(read)), seed
            assert [seq for seq in read if seq not in gaps] == [seq for seq, _ in heard], seed
            for number, body in heard:
                given_up = body == actions.NOTHING and number in talk.undelivered
                assert given_up or body == said[number], seed
            silent = [each for each in said if each not in read and each not in talk.undelivered]
            assert not silent or talk.over, seed
    for kind in (Gap, Undelivered, Silent, Resumed):
        assert kind in told, f"{kind} was not tested"


def _far(seq: int, heard: list[tuple[int, bytes]]) -> int:
    """Return a number's place: numbers roll over."""
    return (seq - heard[0][0] + (1 << 31)) % (1 << 32)


def test_a_conversation_can_be_repeated() -> None:
    """The same seed, the same datagrams: there are no hidden dice."""
    runs = []
    for _ in range(2):
        talk = OpenSession(7)
        talk.run()
        runs.append((talk.now, talk.heard, talk.over))
    assert runs[0] == runs[1]


def test_a_cookie_is_good_for_its_address_and_its_time() -> None:
    """30 s, and not for the next port (R20)."""
    cookies = Cookies(dice(1))
    here = ("192.0.2.1", 4000)
    cookie = cookies.make(here, 1000.5)
    assert len(cookie) == 20
    assert cookies.good(cookie, here, 1000.9)
    assert cookies.good(cookie, here, 1030.0)
    assert not cookies.good(cookie, here, 1031.0)
    assert not cookies.good(cookie, here, 999.0)
    assert not cookies.good(cookie, ("192.0.2.1", 4001), 1001.0)
    assert not cookies.good(cookie, ("192.0.2.2", 4000), 1001.0)
    assert not cookies.good(cookie[:-1] + b"x", here, 1001.0)
    assert not cookies.good(b"", here, 1001.0)
    assert not Cookies(dice(2)).good(cookie, here, 1001.0)


def test_what_is_malformed_is_not_even_looked_at() -> None:
    """A session survives anything."""
    client, server = opened()
    bits = dice(3)
    for length in range(80):
        datagram = b"\xff\x17\x02" + bits.randbytes(length)
        assert server.received(datagram, 1.0) == client.received(datagram, 1.0) == []
