"""Tests of `twisted_net.chat.doors.peer`, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import FakeDatagramTransport

from tests.chat.members import dice, keypair
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.datagram import (
    MIN_HELLO,
    Flag,
    Key,
    Packet,
    Type,
    decode,
    encode,
    padded,
    unpacked,
)
from twisted_net.chat.codec.messages import (
    Code,
    Command,
    Done,
    Heard,
    Join,
    Kick,
    Nick,
    Refusal,
    Refused,
    Say,
    Topic,
)
from twisted_net.chat.core.datagram import Session
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.introduction import (
    Answering,
    Asking,
    Fields,
    Identity,
    offers_proof,
)
from twisted_net.chat.core.mesh import FIND_LENGTH, MOST, Mesh
from twisted_net.chat.core.open_session import ACK_DELAY
from twisted_net.chat.core.path import Address
from twisted_net.chat.core.states import Came, Ended, Happening
from twisted_net.chat.doors.delivery import deliver
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.doors.peer import TEXTS, ChatPeerProtocol
from twisted_net.chat.post import Post

#: Where the other peer speaks from, and where this one listens.
HERE = ("192.168.1.7", 40000)
WHERE = ("192.168.1.1", 7008)


class Peer:
    """A door, and what its owner is told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.hub: Hub[Outlet] = Hub("lobby")
        self.mesh = Mesh(dice(1), 0.0, "red", (), group=False)
        self.called: list[Address] = []
        self.heard: list[tuple[Address, str]] = []
        self.kept_out: list[str] = []
        self.came: list[tuple[str, bytes]] = []
        self.exposed: list[Address] = []
        self.identity: Identity | None = None
        post = Post(self.hub, LocalBus(self.clock.seconds), deliver)
        self.door = ChatPeerProtocol(post, self.clock, dice(2), self.mesh, self)
        self.port = FakeDatagramTransport()
        self.door.makeConnection(self.port)

    def call(self, address: Address) -> None:
        """Begin a session with a peer."""
        self.called.append(address)

    def arrived(self) -> None:
        """Notice that somebody has come."""

    def asked(self) -> None:
        """Answer, when it is time."""
        for datagram, to in self.mesh.wake(self.clock.seconds() + 1.0):
            self.port.write(datagram, to)

    def bare(self, address: Address, text: str) -> None:
        """Hear what anybody may have sent."""
        self.heard.append((address, text))

    def admit(self, name: str, public: bytes, address: Address) -> None:
        """Let everybody come, but for those who are kept out."""
        if name in self.kept_out:
            raise Refusal(Code.FORBIDDEN, f"{name!r} is known here by another key")

    def introduction(self, nonce: bytes, hello: Fields, address: Address) -> Answering | None:
        """Prove who one is, if one can."""
        if self.identity is None or not offers_proof(hello):
            return None
        return Answering(self.identity, dice(4), WHERE, address, nonce, hello)

    def proven(self, name: str, public: bytes, address: Address) -> None:
        """Take note of who has come."""
        self.admit(name, public, address)
        self.came.append((name, public))

    def disproved(self, address: Address) -> None:
        """Hear that somebody is not who they said."""
        self.exposed.append(address)

    def sent(self, datagram: bytes, address: Address = HERE) -> list[bytes]:
        """Send something to the door; return what it sends back."""
        self.port.written.clear()
        self.door.datagramReceived(datagram, address)
        return [packet for packet, to in self.port.written if to == address]


def hello(cookie: bytes = b"", port: int = 7008, flags: int = Flag.PEER) -> bytes:
    """Return a peer's HELLO."""
    fields = {Key.NAME: b"blue", Key.COOKIE: cookie, Key.PORT: port.to_bytes(2, "big")}
    return encode(Packet(Type.HELLO, b"12345678", fields=padded(fields), flags=flags))


def welcomed(peer: Peer, port: int = 7008) -> None:
    """Begin a session with a peer, and prove that the key has arrived."""
    (retry,) = peer.sent(hello(port=port))
    (welcome,) = peer.sent(hello(unpacked(decode(retry).fields)[Key.COOKIE], port))
    fields = unpacked(decode(welcome).fields)
    assert fields[Key.FROM] == b"red"
    ping = Packet(Type.PING, fields[Key.SESSION], flags=Flag.PEER)
    peer.sent(encode(ping, fields[Key.SECRET]))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"hello\n", "hello"),
        ("早上好".encode(), "早上好"),
        (b"two\nlines \x1b[31m\xff\x00", r"two\nlines \x1b[31m\xff\x00"),
        (b"x" * 9000, "x" * 1000 + "… (8000 more)"),
    ],
)
def test_a_bare_text_is_heard_escaped_and_on_one_line(sent: bytes, shown: str) -> None:
    """As `nc -u` sends it; nobody is answered."""
    peer = Peer()
    assert peer.sent(sent) == []
    assert peer.heard == [(HERE, shown)]


def test_bare_texts_are_heard_so_often_and_no_oftener() -> None:
    """Whoever sends more is not heard for a while; others are."""
    peer = Peer()
    for number in range(TEXTS + 5):
        peer.sent(b"%d" % number)
    assert len(peer.heard) == TEXTS
    peer.sent(b"hi", ("192.168.1.8", 40000))
    assert len(peer.heard) == TEXTS + 1


@pytest.mark.parametrize("datagram", [b"", b"\xff", b"\xff" * 40, b"\xff\x1b" + bytes(8)])
def test_what_is_no_text_and_no_packet_is_neither_heard_nor_answered(datagram: bytes) -> None:
    """Only counted."""
    peer = Peer()
    assert peer.sent(datagram) == []
    assert peer.heard == []


def test_who_looks_for_others_is_answered_with_less_than_it_said() -> None:
    """And not called: an address that has proven nothing costs nobody a packet more (R4)."""
    peer = Peer()
    other = Mesh(dice(3), 0.0, "blue", (), group=True)
    ((find, _),) = other.wake(0.0)
    (here,) = peer.sent(find)
    assert len(here) <= len(find) == FIND_LENGTH
    assert peer.called == []


def test_who_greets_us_is_called_back_where_it_listens() -> None:
    """Once its address is proven; at no port that no peer has."""
    for port, called in ((7010, [(HERE[0], 7010)]), (53, []), (0, [])):
        peer = Peer()
        welcomed(peer, port)
        assert peer.called == called
        assert [each.name for each in peer.hub.members()] == ["blue"]
        peer.door.stopProtocol()


def test_a_server_s_client_is_no_peer_and_no_answer_is_answered() -> None:
    """The flags tell them apart, so that neither takes the other's packets for its own (R3)."""
    peer = Peer()
    for flags in (Flag.NONE, Flag.RESPONDER, Flag.PEER | Flag.RESPONDER):
        assert peer.sent(hello(flags=flags)) == []
    for kind in (Type.HERE, Type.FIND):
        packet = Packet(kind, b"12345678", fields=bytes(3), flags=Flag.RESPONDER)
        assert peer.sent(encode(packet)) == []
    assert len(peer.sent(hello())[0]) < MIN_HELLO


def test_a_mesh_that_is_full_refuses_one_more() -> None:
    """With the reason."""
    peer = Peer()
    for number in range(MOST):
        fields = {Key.NAME: b"n%d" % number}
        nonce = number.to_bytes(8, "big")
        greeting = Packet(Type.HELLO, nonce, fields=padded(fields), flags=Flag.PEER)
        address = (f"192.168.1.{number}", 40000)
        (retry,) = peer.sent(encode(greeting), address)
        cookie = unpacked(decode(retry).fields)[Key.COOKIE]
        again = padded({**fields, Key.COOKIE: cookie})
        (answer,) = peer.sent(encode(greeting._replace(fields=again)), address)
        expected = Type.WELCOME if number < MOST - 1 else Type.RST
        assert decode(answer).type is expected
    peer.door.stopProtocol()


class Caller:
    """Another peer's session with the door, and the wire between them."""

    def __init__(
        self,
        peer: Peer,
        identity: Identity | None,
        name: str = "blue",
        where: Address = HERE,
    ) -> None:
        asking = None if identity is None else Asking(identity, dice(5), where, WHERE)
        also = {Key.PORT: (7010).to_bytes(2, "big")}
        self.peer = peer
        self.session = Session.initiator(dice(len(name)), 0.0, name, also, Flag.PEER, asking)
        self.happened: list[Happening] = []
        self.pump()

    def asks(self, command: Command) -> list[Heard]:
        """Ask for something; return what is answered."""
        self.session.send(actions.asked(command))
        self.happened.clear()
        self.pump()
        came = [each for each in self.happened if isinstance(each, Came)]
        return [heard for each in came for heard in actions_said.heard(each.body)[1]]

    def pump(self) -> None:
        """Carry datagrams to and fro until there are no more."""
        while sent := self.session.outgoing(ACK_DELAY):
            for datagram in sent:
                for answer in self.peer.sent(datagram):
                    self.happened += self.session.received(answer, 0.0)
            self.peer.clock.advance(0)
            for answer, _ in self.peer.port.written:
                self.happened += self.session.received(answer, 0.0)
            self.peer.port.written.clear()


def forger() -> Identity:
    """Return somebody who shows a key, and cannot sign with it."""
    forged = keypair("mallory")
    forged.public = keypair("blue").public
    return forged


@pytest.mark.parametrize(("own", "others"), [("red", "blue"), ("red", ""), ("", "blue"), ("", "")])
def test_whoever_comes_is_known_by_the_key_that_is_proven(own: str, others: str) -> None:
    """By none, where one of the two has none."""
    peer = Peer()
    peer.identity = keypair(own) if own else None
    caller = Caller(peer, keypair(others) if others else None)
    both = own and others
    assert peer.came == [("blue", keypair(others).public if both else b"")]
    assert caller.session.public == (keypair(own).public if both else b"")
    peer.door.stopProtocol()


def test_who_may_not_have_a_name_is_told_so_before_there_is_a_session() -> None:
    """Once its address is proven; with the reason."""
    peer = Peer()
    peer.kept_out = ["blue"]
    caller = Caller(peer, keypair("blue"))
    assert caller.happened == [Ended("403 'blue' is known here by another key", 3)]
    assert peer.came == []
    assert len(peer.hub) == 0
    peer.door.stopProtocol()


def test_who_proves_nothing_after_all_is_told_so_and_counted() -> None:
    """As somebody whose address is translated on its way."""
    peer = Peer()
    peer.identity = keypair("red")
    caller = Caller(peer, keypair("blue"), where=("192.168.1.7", 40001))
    assert caller.session.public == b"", "nor is it content with what it is told itself"
    assert peer.came == []
    asked = Caller(peer, forger(), "green")
    (ended,) = asked.happened
    assert isinstance(ended, Ended)
    assert ended.why.startswith("403 your proof does not fit")
    assert peer.exposed == [HERE]
    assert peer.came == []
    assert [each.name for each in peer.hub.members()] == []
    peer.door.stopProtocol()


def test_a_peer_says_things_and_can_do_nothing_else() -> None:
    """A new name, say, would be one that no key was shown for."""
    peer = Peer()
    caller = Caller(peer, None)
    for command in (Nick("red2"), Topic("lobby", "mine"), Join("other"), Kick("lobby", "red")):
        assert caller.asks(command) == [Refused(Code.BAD, "no command between peers")]
    (done,) = caller.asks(Say("lobby", "hi"))
    assert isinstance(done, Done)
    peer.door.stopProtocol()


def test_a_name_that_turns_out_to_be_another_s_is_taken_away() -> None:
    """Who has it without a key, or with another one, has to go; who has the key stays."""
    peer = Peer()
    peer.identity = keypair("red")
    caller = Caller(peer, None)
    peer.door.oust("BLUE", keypair("blue").public)
    caller.pump()
    assert [each.name for each in peer.hub.members()] == []
    caller = Caller(peer, keypair("blue"))
    peer.door.oust("BLUE", keypair("blue").public)
    assert [each.name for each in peer.hub.members()] == ["blue"]
    peer.door.stopProtocol()


@pytest.mark.fuzz
@given(st.dictionaries(st.sampled_from([*Key][1:]), st.binary(max_size=70)), st.booleans())
def test_any_hello_of_a_proven_address_is_answered_or_dropped(
    fields: dict[Key, bytes], keys: bool
) -> None:
    """Whatever is in it; and whatever comes after, it is nobody proven (R16, R28)."""
    peer = Peer()
    peer.identity = keypair("red")
    (retry,) = peer.sent(hello())
    cookie = unpacked(decode(retry).fields)[Key.COOKIE]
    if keys:
        other = keypair("blue")
        fields |= {Key.IDENTITY: other.public, Key.SHARE: other.share(dice(7)).public}
    asked = Packet(Type.HELLO, b"12345678", flags=Flag.PEER)
    made = padded({Key.NAME: b"blue", **fields, Key.COOKIE: cookie})
    answers = peer.sent(encode(asked._replace(fields=made)))
    assert [decode(each).type for each in answers] in ([Type.WELCOME], [Type.RST])
    welcome = unpacked(decode(answers[0]).fields)
    session, key = welcome.get(Key.SESSION, b"12345678"), welcome.get(Key.SECRET, bytes(16))
    proof = padded({Key.PROOF: fields.get(Key.PROOF, b"")}, 64)
    peer.sent(encode(Packet(Type.PING, session, fields=proof, flags=Flag.PEER), key))
    assert all(public == b"" for _, public in peer.came)
    peer.door.stopProtocol()
