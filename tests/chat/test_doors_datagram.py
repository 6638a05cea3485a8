"""Tests of `twisted_net.chat.doors.datagram`, without a socket."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.members import OnDatagrams, Server, dice
from twisted_net.chat.accounts.book import Book, Entry
from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.datagram import (
    MIN_HELLO,
    Flag,
    Key,
    Packet,
    Type,
    decode,
    encode,
    packed,
    padded,
    unpacked,
)
from twisted_net.chat.codec.messages import (
    Act,
    Announced,
    Away,
    Command,
    Done,
    Event,
    Heard,
    History,
    Join,
    Kick,
    Kind,
    Listed,
    Missed,
    Mode,
    Nick,
    Old,
    Part,
    Present,
    Refused,
    Rooms,
    Say,
    Since,
    Tag,
    Tell,
    Titled,
    Topic,
    Who,
)
from twisted_net.chat.core.datagram import HALF_OPEN, Session
from twisted_net.chat.core.handshake import KEEPALIVE
from twisted_net.chat.core.scram import ScramClient, fresh, prepared
from twisted_net.chat.core.states import Ended, Hinted
from twisted_net.chat.doors import datagram as door
from twisted_net.chat.store.memory import MemoryHistory

NONCE = b"12345678"


def hello(name: str = "red", cookie: bytes = b"", nonce: bytes = NONCE) -> bytes:
    """Return a HELLO."""
    fields = padded({Key.NAME: name.encode(), Key.COOKIE: cookie})
    return encode(Packet(Type.HELLO, nonce, fields=fields))


def cookie_for(server: Server, port: int = 40000) -> bytes:
    """Return a cookie that the server made."""
    (retry,) = server.sent(hello(), port=port)
    return unpacked(decode(retry).fields)[Key.COOKIE]


def events(heard: list[Heard]) -> list[tuple[str, str, str, str]]:
    """Return the events without their ids."""
    return [
        (each.kind.name, each.where, each.sender, each.text)
        for each in heard
        if isinstance(each, Event)
    ]


def test_what_is_said_on_one_door_is_heard_on_the_other() -> None:
    """In the same order, with one id."""
    server = Server()
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    assert line.hears()[-1] == "JOINED lobby udp"
    assert udp.asks(Say("lobby", "hi")) == [Done("", "lobby 1767225600000-4")]
    assert line.hears() == ["SAID lobby udp hi"]
    line.says("hello", "TELL udp psst", "ME waves", "NICK other", "JOIN games", "PART", "QUIT")
    assert events(udp.hears()) == [
        ("SAID", "lobby", "line", "hello"),
        ("TOLD", "udp", "line", "psst"),
        ("ACTED", "lobby", "line", "waves"),
        ("RENAMED", "", "line", "other"),
        ("LEFT", "", "other", "quit"),
    ]
    assert udp.session.settled


def test_every_request_has_its_result() -> None:
    """With the words that the line door would use."""
    server = Server()
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    asked: list[Command] = [Join("games"), Who("lobby"), Rooms(), Act("waves")]
    asked += [Tell("line", "psst"), Nick("line"), Nick("new"), Part(), Part("x")]
    assert [udp.asks(each) for each in asked] == [
        [Done("", "games 1")],
        [
            Present("lobby", "line", "operator", "tcp", 0),
            Present("lobby", "udp", "-", "udp", 0),
            Done("", "2"),
        ],
        [Listed("lobby", 2), Listed("games", 1), Done("", "2")],
        [Done("", "games 1767225600000-5")],
        [Done("", "line 1767225600000-6")],
        [Refused(409, "name 'line' is taken")],
        [Done("", "new")],
        [Done("", "games")],
        [Refused(404, "no room 'x'")],
    ]
    assert line.hears()[-2:] == ["TOLD udp psst", "RENAMED udp new"]


def test_an_address_is_nothing_before_it_has_proven_itself() -> None:
    """Ten thousand HELLOs, no state, and no answer longer than its question (R4, R20)."""
    server = Server()
    for port in range(40000, 50000):
        (retry,) = server.sent(hello(nonce=port.to_bytes(8, "big")), port=port)
        assert len(retry) < MIN_HELLO
        server.clock.advance(0.002)
    assert server.clock.getDelayedCalls() == []
    assert len(server.hub) == len(server.udp._guests) == 0


def test_one_network_gets_so_many_cookies_a_second_and_others_theirs() -> None:
    """However many addresses of it ask: to answer them all is what a flood wants (R21)."""
    server = Server()
    asked = [(f"192.0.2.{n % 256}", 40000 + n) for n in range(door.COOKIES + 100)]
    answered = sum(len(server.sent(hello(), host=host, port=port)) for host, port in asked)
    assert answered == door.COOKIES
    assert server.dropped("chat-udp") == {"too_many_cookies": 100}
    assert server.sent(hello(), host="192.0.3.1")
    server.clock.advance(1)
    assert server.sent(hello())


def test_a_cookie_is_of_one_address_and_thirty_seconds() -> None:
    """Whoever sends another's, or an old one, gets a new one and nothing else (R20)."""
    server = Server()
    cookie = cookie_for(server)
    (elsewhere,) = server.sent(hello(cookie=cookie), port=40001)
    server.clock.advance(31)
    (late,) = server.sent(hello(cookie=cookie))
    assert [decode(each).type for each in (elsewhere, late)] == [Type.RETRY, Type.RETRY]
    assert len(server.hub) == 0


def test_a_short_hello_is_dropped() -> None:
    """Its answer would be about as long."""
    server = Server()
    assert server.sent(encode(Packet(Type.HELLO, NONCE))) == []
    assert server.dropped("chat-udp") == {"short_hello": 1}


def test_a_name_that_is_taken_or_none_is_refused() -> None:
    """Before there is a session."""
    server = Server()
    server.on_line("red")
    cookie = cookie_for(server)
    for name, reason, error in (
        ("RED", 5, b"409 name 'RED' is taken"),
        ("a b", 7, b"422 name: 1-24 letters, digits, - or _"),
        ("a\nb", 1, b"400 control character 0x0a"),
    ):
        (refused,) = server.sent(hello(name, cookie))
        packet = decode(refused)
        assert (packet.type, packet.code) == (Type.RST, reason)
        assert unpacked(packet.fields)[Key.ERROR] == error
    assert server.udp._guests == {}


def test_a_half_open_session_holds_its_name_for_a_moment() -> None:
    """Nobody else takes it meanwhile; then it is free, and nobody heard of it."""
    server = Server()
    line = server.on_line("line")
    line.hears()
    (welcome,) = server.sent(hello(cookie=cookie_for(server)))
    assert decode(welcome).type is Type.WELCOME
    assert line.says("NICK red") == ["ERR 409 name 'red' is taken"]
    server.clock.advance(HALF_OPEN)
    assert line.says("NICK red") == ["OK NICK red"]
    assert server.udp._guests == {}


def test_a_repeated_hello_gets_the_same_welcome() -> None:
    """There is one session, however often its beginning was lost."""
    server = Server()
    cookie = cookie_for(server)
    (welcome,) = server.sent(hello(cookie=cookie))
    assert server.sent(hello(cookie=cookie)) == [welcome]
    assert len(server.udp._guests) == 1


def test_who_moves_while_it_greets_is_welcomed_at_its_new_address() -> None:
    """Its name is not taken by itself; nobody else can have an open session forgotten so."""
    server = Server()
    (welcome,) = server.sent(hello(cookie=cookie_for(server)))
    moved = cookie_for(server, port=41000)
    (again,) = server.sent(hello(cookie=moved), port=41000)
    assert [decode(each).type for each in (welcome, again)] == [Type.WELCOME, Type.WELCOME]
    assert len(server.udp._guests) == len(server.udp._begun) == len(server.udp._by_nonce) == 1
    fields = unpacked(decode(again).fields)
    ping = Packet(Type.PING, fields[Key.SESSION])
    server.sent(encode(ping, fields[Key.SECRET]), port=41000)
    (refused,) = server.sent(hello(cookie=cookie_for(server)))
    assert decode(refused).type is Type.RST
    assert len(server.udp._guests) == 1


def test_sessions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In all, and from one address."""
    monkeypatch.setattr(door, "MAX_SESSIONS_EACH", 2)
    monkeypatch.setattr(door, "MAX_SESSIONS", 3)
    server = Server()
    for number, (host, expected) in enumerate(
        [("192.0.2.7", Type.WELCOME)] * 2
        + [("192.0.2.7", Type.RST), ("192.0.2.8", Type.WELCOME), ("192.0.2.9", Type.RST)]
    ):
        nonce = number.to_bytes(8, "big")
        (retry,) = server.sent(hello(nonce=nonce), host=host)
        cookie = unpacked(decode(retry).fields)[Key.COOKIE]
        (answer,) = server.sent(hello(f"n{number}", cookie, nonce), host=host)
        assert decode(answer).type is expected
    assert server.dropped("chat-udp") == {"too_many_sessions": 2}


def test_an_ipv6_network_is_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has one address of it has them all."""
    monkeypatch.setattr(door, "MAX_SESSIONS_EACH", 1)
    server = Server()
    answers = []
    for number, host in enumerate(("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")):
        nonce = number.to_bytes(8, "big")
        (retry,) = server.sent(hello(nonce=nonce), host=host)
        cookie = unpacked(decode(retry).fields)[Key.COOKIE]
        answers += server.sent(hello(f"n{number}", cookie, nonce), host=host)
    assert [decode(each).type for each in answers] == [Type.WELCOME, Type.RST, Type.WELCOME]


def test_what_is_not_framed_is_neither_answered_nor_relayed() -> None:
    """Only counted."""
    server = Server()
    line, _ = server.on_line("line"), server.on_datagrams("udp", port=40001)
    line.hears()
    for datagram in (b"", b"hello", b"hello\n" * 100, b"\xff", bytes(9000), b"\xff" * 9000):
        assert server.sent(datagram) == []
    assert line.hears() == []
    assert server.dropped("chat-udp") == {"not_framed": 4, "too_long": 2}


def test_a_stranger_cannot_speak_for_a_member() -> None:
    """Not from another address, not without the key, not with words heard before (R20)."""
    server = Server()
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    line.hears()
    udp.session.send(actions.asked(Say("", "once")))
    (said,) = udp.session.outgoing(server.clock.seconds())
    assert server.sent(said, port=40001) == []
    assert server.sent(said[:-1] + b"x") == []
    assert line.hears() == []
    server.sent(said)
    server.sent(said)
    assert line.hears() == ["SAID lobby udp once"]
    assert server.dropped("chat-udp") == {"other_address": 1}


def test_a_session_that_nobody_knows_is_asked_to_prove_itself() -> None:
    """Perhaps the server was started anew; but a short or an answering packet gets nothing."""
    server = Server()
    text = packed({Key.TEXT: b"x" * 100})
    (retry,) = server.sent(encode(Packet(Type.CON, NONCE, fields=text), b"k" * 16))
    assert (decode(retry).type, decode(retry).session) == (Type.RETRY, NONCE)
    assert server.sent(encode(Packet(Type.PING, NONCE))) == []
    for kind in (Type.BYE, Type.ACK, Type.PONG, Type.RST, Type.RETRY, Type.WELCOME, Type.RESPONSE):
        assert server.sent(encode(Packet(kind, NONCE, fields=text))) == []


def test_a_long_datagram_of_a_member_is_refused_in_one_line() -> None:
    """And only a member's."""
    server = Server()
    udp = server.on_datagrams("udp")
    long = Packet(Type.CON, udp.session.id, 1, fields=packed({Key.TEXT: b"x" * 8965}))
    datagram = encode(long, udp.session._key)
    assert len(datagram) == 9000
    (refused,) = server.sent(datagram)
    assert unpacked(decode(refused).fields)[Key.ERROR] == b"TOO_BIG 9000 > 1200"
    assert server.sent(datagram[:-1] + b"?") == []
    assert server.sent(datagram, port=40001) == []
    assert server.dropped("chat-udp") == {"too_long": 3}


def test_a_member_that_fell_silent_leaves() -> None:
    """After a while, with its reason; two minutes later nothing is left of it (R27)."""
    server = Server()
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    line.hears()
    udp.happened.clear()
    for _ in range(91):
        server.clock.advance(1)
    assert line.hears() == ["LEFT udp timeout"]
    assert server.udp._guests
    for _ in range(120):
        server.clock.advance(1)
    assert line.hears() == []
    assert not server.udp._guests
    assert not server.udp._by_nonce
    assert not server.udp._begun
    assert not server.udp._hosts
    assert server.clock.getDelayedCalls() == []


def test_an_event_that_nobody_acknowledges_is_sent_five_times() -> None:
    """Then the member leaves; it would be told nothing, for it does not listen."""
    server = Server()
    line = server.on_line("line")
    server.on_datagrams("udp")
    line.hears()
    server.port.written.clear()
    line.says("hello")
    for _ in range(60):
        server.clock.advance(1)
    kinds = [decode(packet).type for packet, _ in server.port.written]
    assert kinds == [Type.CON] * 5
    assert line.hears() == ["LEFT udp timeout"]


def test_a_member_that_comes_back_is_where_it_was_and_told_that_it_missed_something() -> None:
    """In all of its rooms, under its name; and what had waited for it is heard, in order."""
    server = Server()
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    udp.asks(Join("games"))
    line.says("JOIN games", "USE lobby")
    udp.hears()
    line.says("before")
    server.port.written.clear()
    for _ in range(60):
        server.clock.advance(1)
        server.port.written.clear()
    line.says("meanwhile")
    line.hears()
    udp.session.wake(server.clock.seconds() + KEEPALIVE)
    heard = udp.hears()
    assert events(heard)[:1] == [("SAID", "lobby", "line", "before")]
    assert Missed(0, "lobby", more=True) in heard
    assert line.hears() == ["JOINED lobby udp", "JOINED games udp"]
    assert udp.asks(Say("games", "again"))


def test_history_knows_how_much_a_member_missed_that_comes_back() -> None:
    """In each room what was said there by others since it last heard something."""
    server = Server(keep=True)
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    udp.asks(Join("games"))
    line.says("JOIN games", "USE lobby", "before")
    udp.hears()
    for _ in range(91):
        server.clock.advance(1)
    line.says("one", "two", "USE games", "three", "ME waves", "TOPIC games chess")
    udp.session.wake(server.clock.seconds())
    missed = [each for each in udp.hears() if isinstance(each, Missed)]
    assert missed == [Missed(2, "lobby"), Missed(2, "games")]
    for _ in range(91):
        server.clock.advance(1)
    udp.session.wake(server.clock.seconds())
    assert not [each for each in udp.hears() if isinstance(each, Missed)]


def test_history_that_does_not_reach_back_says_so() -> None:
    """What it has forgotten cannot be counted."""
    server = Server(keep=True)
    assert isinstance(server.post.history, MemoryHistory)
    server.post.history._each = 5
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    line.says("before")
    udp.hears()
    for _ in range(91):
        server.clock.advance(1)
    line.says(*map(str, range(9)))
    udp.session.wake(server.clock.seconds())
    (missed,) = [each for each in udp.hears() if isinstance(each, Missed)]
    assert (missed.room, missed.more) == ("lobby", True)
    assert missed.count == 4, "the fifth that is remembered is its own coming"


def test_a_room_that_is_closed_meanwhile_is_not_entered_again() -> None:
    """The member is told, and is where it still may be."""
    server = Server()
    line = server.on_line("line")
    line.says("JOIN games")
    udp = server.on_datagrams("udp")
    udp.asks(Join("games"))
    for _ in range(91):
        server.clock.advance(1)
    assert line.says("MODE games +i")[-1].startswith("OK MODE")
    udp.session.wake(server.clock.seconds())
    assert ("PARTED", "games", "udp", "invite only") in events(udp.hears())
    assert udp.asks(Say("lobby", "here"))


def test_somebody_s_typing_is_hinted_to_the_room() -> None:
    """As it comes, in no order, and never acknowledged; nobody hears their own."""
    server = Server()
    udp = server.on_datagrams("udp")
    other = OnDatagrams(server, "other", ("198.51.100.9", 41000))
    other.session = Session.initiator(dice(9), server.clock.seconds(), "other")
    other.pump()
    udp.hears()
    udp.session.hint(actions.asked(Tag("", ((actions.TYPING, "active"),))))
    udp.session.hint(actions.asked(Tag("nowhere", ((actions.TYPING, "active"),))))
    udp.session.hint(bytes([actions.Action.SAY]) + packed({Key.TEXT: b"hi"}))
    udp.session.hint(b"\xff")
    assert udp.hears() == []
    other.happened.clear()
    other.pump()
    (hinted,) = other.happened
    assert isinstance(hinted, Hinted)
    typing = Event(0, Kind.TAGGED, "lobby", "udp", tags=(("+typing", "active"),))
    assert actions_said.heard(hinted.body) == (None, [typing])
    assert udp.session.settled


def test_what_was_said_before_is_read_back() -> None:
    """The last of it, or what came after an id; only in rooms where one is."""
    server = Server(keep=True)
    line = server.on_line("line")
    line.says("one", "two", "ME waves", "JOIN games")
    udp = server.on_datagrams("udp")
    old = udp.asks(History("", 2))
    assert [each.event.text for each in old if isinstance(each, Old)] == ["two", "waves"]
    first = next(each.event.id for each in old if isinstance(each, Old))
    since = udp.asks(Since(first, "lobby"))
    assert [each.event.text for each in since if isinstance(each, Old)] == ["waves"]
    assert udp.asks(History("games", 2)) == [Refused(403, "not in games: JOIN games")]


def test_rooms_have_topics_modes_and_operators_on_this_door_too() -> None:
    """Each change is asked for, answered and heard."""
    server = Server()
    udp, line = server.on_datagrams("udp"), server.on_line("line")
    udp.hears()
    assert udp.asks(Topic("lobby", "chess"))[-1] == Done("", "lobby")
    assert udp.asks(Mode("lobby", "+m"))[-1] == Done("", "lobby +m")
    assert udp.asks(Kick("lobby", "line", "too loud"))[-1] == Done("", "lobby line")
    assert udp.asks(Away("lunch")) == [Done("", "lunch")]
    assert line.hears()[-3:] == [
        "TOPIC lobby udp chess",
        "MODED lobby udp +m",
        "KICKED lobby line udp too loud",
    ]
    line.says("JOIN games", "TOPIC games go", "INVITE udp games")
    heard = udp.hears()
    assert Announced("line invites you into games") in heard
    assert udp.asks(Join("games")) == [Titled("games", "line", "go"), Done("", "games 2")]
    line.says("MODE games +s")
    line.says("KICK games udp")
    assert [each[0] for each in events(udp.hears())] == ["MODED", "KICKED"]
    other = OnDatagrams(server, "other", ("198.51.100.9", 41000))
    other.session = Session.initiator(dice(9), server.clock.seconds(), "other")
    other.hears()
    assert [actions_said.heard(body)[1] for body in other.bodies] == [
        [Event(0, Kind.TOPIC, "lobby", "udp", "chess")]
    ]


def with_accounts(server: Server) -> None:
    """Let red have an account, whose password is ``secret``."""
    book = Book()
    book.add(Entry("red", fresh(prepared("secret"), dice(4), 4096), 0))
    server.post.accounts = Accounts(server.clock, dice(5), book)


def logs_in(udp: OnDatagrams, password: str) -> list[Heard]:
    """Prove that one is red, or try to; return what the last answer says."""
    client = ScramClient("red", prepared(password), dice(6))
    udp.session.send(actions.login(client.first()))
    udp.hears()
    salt = actions.scram_of(udp.bodies[-1])
    udp.session.send(actions.login(client.final(salt)))
    heard = udp.hears()
    if isinstance(heard[-1], Done):
        client.verify(actions.scram_of(udp.bodies[-1]))
        udp.session.change_key(client.key)
    return heard


def test_an_account_is_proven_without_its_password() -> None:
    """And from then on the session has a key that nobody heard."""
    server = Server()
    with_accounts(server)
    udp = server.on_datagrams("udp")
    before = udp.session._key
    assert logs_in(udp, "secret") == [Done("", "red")]
    assert udp.asks(Say("", "hi"))
    assert udp.session._key not in (before, b"")
    assert server.udp._guests[udp.session.id].session._key == udp.session._key
    (member,) = server.udp.post.hub.members()
    assert member.account == "red"
    forged = Packet(Type.BYE, udp.session.id)
    assert server.sent(encode(forged, before)) == []
    assert udp.asks(Nick("red")) == [Done("", "red")], "the name is for its account"


def test_an_account_is_kept_while_its_member_is_silent() -> None:
    """Or it could not have its own name back."""
    server = Server()
    with_accounts(server)
    udp = server.on_datagrams("udp")
    logs_in(udp, "secret")
    udp.asks(Nick("red"))
    for _ in range(91):
        server.clock.advance(1)
    assert list(server.udp.post.hub.members()) == []
    udp.session.wake(server.clock.seconds())
    udp.hears()
    (member,) = server.udp.post.hub.members()
    assert (member.name, member.account) == ("red", "red")


def test_a_wrong_password_is_refused_and_soon_not_even_looked_at() -> None:
    """Whoever guesses waits (R25); the session goes on, with its key."""
    server = Server()
    with_accounts(server)
    udp = server.on_datagrams("udp")
    key = udp.session._key
    assert logs_in(udp, "guess") == [Refused(401, "wrong account or password")]
    assert udp.session._key == key
    answers: list[Heard] = []
    for number in range(20):
        udp.session.send(actions.login(ScramClient("red", b"guess", dice(number)).first()))
        salt = udp.hears()
        if isinstance(salt[-1], Refused):
            answers = salt
            break
        udp.session.send(actions.login(b"c=biws,r=x,p=eA=="))
        udp.hears()
    assert isinstance(answers[-1], Refused)
    assert answers[-1].code == 429
    assert udp.asks(Say("", "still here"))


@pytest.mark.parametrize(
    "said", [b"", b"n,,n=red", b"\xff", b"p=x,,n=red,r=x", b"n,a=blue,n=red,r=x"]
)
def test_what_is_no_login_is_refused_in_one_line(said: bytes) -> None:
    """And a server without accounts says so."""
    server = Server()
    with_accounts(server)
    udp = server.on_datagrams("udp")
    udp.session.send(actions.login(said))
    (refused,) = udp.hears()
    assert isinstance(refused, Refused)
    assert refused.code == 400
    server.post.accounts = None
    other = OnDatagrams(server, "other", ("198.51.100.9", 41000))
    other.session = Session.initiator(dice(9), server.clock.seconds(), "other")
    other.pump()
    other.session.send(actions.login(b"n,,n=red,r=x"))
    assert other.hears() == [Refused(503, "there are no accounts here")]


def test_a_member_whose_name_somebody_took_meanwhile_cannot_come_back() -> None:
    """It hears why, and may try another one."""
    server = Server()
    udp = server.on_datagrams("udp")
    for _ in range(91):
        server.clock.advance(1)
    line = server.on_line("UDP")
    line.hears()
    udp.session.wake(server.clock.seconds())
    udp.happened.clear()
    udp.pump()
    assert udp.happened[-1] == Ended("409 name 'udp' is taken", 5)
    assert not server.udp._guests
    assert line.hears() == []


def test_a_member_may_move_to_another_address() -> None:
    """It is asked there, and goes on; where it was before hears nothing any more."""
    server = Server()
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    line.hears()
    udp.address = ("198.51.100.9", 41000)
    udp.session.send(actions.asked(Say("", "from there")))
    udp.pump()
    assert line.hears() == []
    server.clock.advance(2)
    udp.session.wake(server.clock.seconds())
    udp.pump()
    assert line.hears() == ["SAID lobby udp from there"]
    line.says("hello")
    assert events(udp.hears()) == [("SAID", "lobby", "line", "hello")]
    assert list(server.udp._hosts) == ["198.51.100.9"]


def test_a_member_cannot_move_to_an_address_that_has_its_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Moving is no way round the bounds."""
    monkeypatch.setattr(door, "MAX_SESSIONS_EACH", 1)
    server = Server()
    udp = server.on_datagrams("udp")
    other = OnDatagrams(server, "other", ("198.51.100.9", 41000))
    other.session = Session.initiator(dice(9), server.clock.seconds(), "other")
    other.pump()
    udp.address = ("198.51.100.9", 42000)
    udp.session.send(actions.asked(Say("", "from there")))
    udp.pump()
    assert server.udp._guests[udp.session.id].address[0] == "192.0.2.7"


def test_a_request_that_never_came_is_not_waited_for_for_ever() -> None:
    """Its author hears that nothing was done, and what came after it is obeyed."""
    server = Server()
    udp = server.on_datagrams("udp")
    for text in ("a", "b"):
        udp.asks(Say("", text))
    lost = udp.session.send(actions.asked(Say("", "lost")))
    udp.session.send(actions.asked(Say("", "heard")))
    _, kept = udp.session.outgoing(server.clock.seconds())
    server.port.written.clear()
    server.udp.datagramReceived(kept, udp.address)
    for _ in range(11):
        server.clock.advance(1)
    bodies = [decode(packet) for packet, _ in server.port.written]
    results = [each for each in bodies if each.type is Type.CON]
    (refused,) = actions_said.heard(bytes([results[0].code]) + results[0].fields)[1]
    assert unpacked(results[0].fields)[Key.RE] == lost.to_bytes(4, "big")
    assert refused == Refused(408, "lost on its way; nothing was done")


def test_a_member_says_bye() -> None:
    """And is not answered."""
    server = Server()
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    line.hears()
    udp.session.bye()
    assert server.sent(*udp.session.outgoing(server.clock.seconds())) == []
    assert line.hears() == ["LEFT udp quit"]


def test_a_fast_sender_is_slowed_down_and_loses_nothing() -> None:
    """What is not acknowledged is sent again."""
    server = Server()
    line, udp = server.on_line("line"), server.on_datagrams("udp")
    line.hears()
    for number in range(130):
        udp.session.send(actions.asked(Say("", str(number))))
    for _ in range(400):
        udp.pump()
        server.clock.advance(0.05)
        udp.session.wake(server.clock.seconds())
    assert line.hears() == [f"SAID lobby udp {number}" for number in range(130)]
    assert server.dropped("chat-udp")["slowed"] > 0


def test_everybody_is_told_when_the_server_stops() -> None:
    """One BYE each; nobody may begin a session any more."""
    server = Server()
    udp = server.on_datagrams("udp")
    server.udp.drain()
    udp.pump()
    assert udp.happened[-1] == Ended("server stopping", 9)
    assert server.sent(hello()) == []
    assert server.clock.getDelayedCalls() == []
    server.udp.stopProtocol()


def test_no_timer_stays_when_the_port_closes() -> None:
    """Whoever was there."""
    server = Server()
    server.on_datagrams("udp")
    server.udp.stopProtocol()
    assert server.clock.getDelayedCalls() == []


def emitted() -> list[bytes]:
    """Return every kind of datagram that a server sends, each seen on the wire."""
    server = Server()
    server.on_line("line")
    sent: list[bytes] = []
    record = server.port.write

    def recording(packet: bytes, addr: tuple[str, int] | None = None) -> None:
        sent.append(packet)
        record(packet, addr)

    server.port.write = recording  # type: ignore[method-assign]
    udp = server.on_datagrams("udp")
    udp.asks(Who())
    udp.asks(Join("a b"))
    udp.session.send(actions.asked(Say("", "twice")))
    (twice,) = udp.session.outgoing(server.clock.seconds())
    for _ in range(2):
        server.udp.datagramReceived(twice, udp.address)
    udp.session._queue(Type.PING)
    udp.pump()
    server.sent(encode(Packet(Type.CON, udp.session.id, fields=bytes(9000)), udp.session._key))
    server.sent(hello("line", cookie_for(server)))
    server.on_line("other")
    udp.hears()
    server.udp.drain()
    return sent


def test_nothing_that_a_server_says_makes_a_server_answer() -> None:
    """So two of them cannot be set talking to each other (R3)."""
    said = emitted()
    kinds = [decode(each).type for each in said]
    for kind in (Type.RETRY, Type.WELCOME, Type.CON, Type.PONG, Type.RST, Type.ACK, Type.BYE):
        assert kind in kinds, kind
    server = Server()
    udp = server.on_datagrams("udp")
    for datagram in said:
        assert server.sent(datagram) == []
        again = Packet(decode(datagram).type, udp.session.id, flags=Flag.RESPONDER)
        assert server.sent(encode(again, udp.session._key)) == []


@given(
    st.sampled_from(Type),
    st.binary(min_size=8, max_size=8),
    st.dictionaries(st.sampled_from(Key), st.binary(max_size=80), max_size=6),
    st.booleans(),
)
def test_no_answer_of_any_codec_is_ever_answered(
    kind: Type, session: bytes, fields: dict[Key, bytes], tagged: bool
) -> None:
    """Whatever it carries: the flag of a responder is enough (R3)."""
    server = Server()
    packet = Packet(kind, session, fields=packed(fields), flags=Flag.RESPONDER)
    assert server.sent(encode(packet, b"k" * 16 if tagged else None)) == []


@given(st.lists(st.binary(max_size=60).map(lambda end: b"\xff\x17\x02\x01" + end), max_size=5))
def test_any_datagram_is_borne(datagrams: list[bytes]) -> None:
    """And those who talk go on talking (R28)."""
    server = Server()
    udp = server.on_datagrams("udp")
    for datagram in datagrams:
        server.sent(datagram)
        server.sent(datagram[:4] + udp.session.id + datagram[4:])
    assert udp.asks(Say("", "hi")) == [Done("", "lobby 1767225600000-2")]


def test_every_action_with_any_fields_has_a_result() -> None:
    """An error where it is none, and the session goes on (R26)."""
    server = Server()
    udp = server.on_datagrams("udp")
    values = (b"", b"x", "é".encode() * 40, b"\xff", b"a\nb")
    for action, room, text in itertools.product([*range(22), 255], values, values):
        body = bytes([action]) + packed({Key.ROOM: room, Key.TEXT: text, Key.NAME: room})
        udp.session.send(body)
        server.clock.advance(0.1)
        heard = udp.hears()
        assert isinstance(heard[-1], Done | Refused)


def test_two_clients_behind_one_address_are_two_members() -> None:
    """Each by its port, or by its nonce."""
    server = Server()
    first, second = (
        server.on_datagrams("one", 40000),
        OnDatagrams(server, "two", ("192.0.2.7", 40001)),
    )
    second.session = Session.initiator(dice(9), server.clock.seconds(), "two")
    second.pump()
    assert events(first.hears()) == [("JOINED", "lobby", "two", "")]
    second.asks(Say("", "hi"))
    assert events(first.hears()) == [(Kind.SAID.name, "lobby", "two", "hi")]
