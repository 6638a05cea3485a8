"""The chat over UDP: nothing for whoever is not where it says that it is."""

import os
import time
from collections.abc import Callable

import pytest

from tests.blackbox.conftest import PATIENCE, Bench
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.datagrams import NONCE, asked, at, cookie_in, hello, port, within
from tests.blackbox.safety.probe import FULL, sized
from tests.blackbox.safety.test_commands import Line, who
from tests.blackbox.safety.watching import counted, more, resident, to_the_end, until
from twisted_net.chat.codec import datagram as chat
from twisted_net.chat.codec.datagram import Key, Packet, Type, encode, packed

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]

SAY, JOIN = 1, 5


def test_nothing_is_relayed_for_who_has_no_session(shared: Start, shows: Shows) -> None:
    """R20: JOIN and SAY from an address without a cookie are heard by nobody."""
    server = shared()
    listener = Line(server, "chat-tcp")
    listener.says("NICK listener")
    assert listener.survives()
    text = packed({Key.ROOM: b"lobby", Key.TEXT: b"forged " + b"x" * 40})
    forged = [
        encode(Packet(Type.CON, session, code=code, seq=1, fields=text), key)
        for session in (NONCE, bytes(8), b"\xff" * 8)
        for code in (SAY, JOIN)
        for key in (None, b"a key of sixteen")
    ]
    before = counted(server, "chat-udp").get("datagrams in", 0)
    with port() as sender:
        for datagram in forged:
            sender.sendto(datagram, at(server, "chat-udp"))
        until(
            lambda: counted(server, "chat-udp")["datagrams in"] >= before + len(forged),
            "all of them are there",
        )
        answers = {chat.decode(each).type.name for each in within(sender, 0.1)}
    members = who(server)
    listener.says("QUIT")
    heard = to_the_end(listener.socket)
    listener.close()
    shows("no cookie: nothing relayed", f"{len(forged)} datagrams, answers {answers or 'none'}")
    assert b"forged" not in heard
    assert members == ["listener"]
    assert answers <= {"RETRY"}


def test_a_cookie_is_worth_nothing_elsewhere(shared: Start, shows: Shows) -> None:
    """R20: From another address, from another port, changed in one bit."""
    server = shared()
    door = at(server, "chat-udp")
    answers = {}
    with port() as owner:
        cookie = cookie_in(asked(owner, hello(), door)[0])
        changed = bytes([cookie[0], *cookie[1:-1], cookie[-1] ^ 1])
        with port() as other_port, port("127.0.0.2") as other_host:
            for name, sender, used in (
                ("another port", other_port, cookie),
                ("another address", other_host, cookie),
                ("another bit", owner, changed),
                ("its owner", owner, cookie),
            ):
                answer = asked(sender, hello("red", used), door)[0]
                answers[name] = chat.decode(answer).type
    shows("a cookie used by others: a new cookie only", {k: v.name for k, v in answers.items()})
    assert answers.pop("its owner") is Type.WELCOME
    assert set(answers.values()) == {Type.RETRY}


def test_a_cookie_has_its_time(shared: Start, shows: Shows) -> None:
    """R20: After half a minute it is worth nothing."""
    if not FULL:
        pytest.skip("takes 31 s: make safety")
    door = at(shared(), "chat-udp")
    with port() as owner:
        cookie = cookie_in(asked(owner, hello("late"), door)[0])
        time.sleep(31)
        answer = chat.decode(asked(owner, hello("late", cookie), door)[0]).type
    shows("a cookie of 31 s: a new cookie only", answer.name)
    assert answer is Type.RETRY


def test_who_only_says_hello_costs_nothing(shared: Start, shows: Shows) -> None:
    """R20, R4: Ten thousand of them: no memory, no member, and no gain."""
    server = shared("--udp-rate=0")
    door, number = at(server, "chat-udp"), sized(2_000, 10_000)
    with port() as sender:
        asked(sender, hello(), door)
        before, memory = counted(server, "chat-udp"), resident(server)
        over = time.monotonic() + 3 * PATIENCE
        # A busy server's kernel drops some: then there are more.
        while counted(server, "chat-udp")["datagrams in"] - before["datagrams in"] < number:
            assert time.monotonic() < over, "they do not come"
            for _ in range(number // 20):
                sender.sendto(hello(os.urandom(4).hex()), door)
            within(sender, 0.02)
    after, added = counted(server, "chat-udp"), more(resident(server), memory)
    got = after["bytes in"] - before["bytes in"]
    given = after["bytes out"] - before["bytes out"]
    members = who(server)
    shows("at most 1.0 times the request", f"{number} HELLOs {given / got:.2f}")
    shows("no state before a cookie: memory flat", f"{number} HELLOs {added}")
    assert given <= got
    assert float(added.removesuffix(" MB")) <= 1
    assert members == []
