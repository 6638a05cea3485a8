"""Tests of `twisted_net.chat.core.introduction`: two peers, and whoever stands between them."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.members import dice, keypair
from twisted_net.chat.codec import actions
from twisted_net.chat.codec.datagram import (
    MAX_PACKET,
    MIN_HELLO,
    Flag,
    Key,
    Malformed,
    Packet,
    Type,
    decode,
    encode,
    packed,
    padded,
    unpacked,
)
from twisted_net.chat.codec.messages import Say
from twisted_net.chat.core.cookies import Cookies
from twisted_net.chat.core.datagram import Session
from twisted_net.chat.core.handshake import Invitation
from twisted_net.chat.core.introduction import (
    Answering,
    Asking,
    Disproved,
    Identity,
    Share,
    offers_proof,
)
from twisted_net.chat.core.open_session import ACK_DELAY
from twisted_net.chat.core.path import Address
from twisted_net.chat.core.states import Came, Happening, State, Unproven

RED, BLUE, MALLORY = map(keypair, ("red", "blue", "mallory"))

#: Where red speaks from, where blue listens, and whoever stands between them.
HERE, THERE = ("192.0.2.7", 40000), ("192.0.2.8", 7008)
BETWEEN = ("192.0.2.9", 7008)

_PEER = Flag.PEER


def caller(identity: Identity | None = RED, there: Address = THERE, seed: int = 1) -> Session:
    """Return the session of red, who calls an address."""
    asking = None if identity is None else Asking(identity, dice(seed), HERE, there)
    also = {Key.PORT: (7010).to_bytes(2, "big")}
    return Session.initiator(dice(seed), 0.0, "red", also, _PEER, asking)


class Door:
    """Blue's door: as much of it as a handshake needs."""

    def __init__(self, identity: Identity | None = BLUE, seed: int = 2) -> None:
        self.session: Session | None = None
        self.happened: list[Happening] = []
        self._identity = identity
        self._dice = dice(seed)
        self._cookies = Cookies(self._dice)

    def received(self, datagram: bytes, address: Address = HERE, now: float = 0.0) -> list[bytes]:
        """Take a datagram; return the answers."""
        try:
            packet = decode(datagram)
        except Malformed:
            return []
        if packet.type is not Type.HELLO or self._known(packet):
            if self.session is None:
                return []
            self.happened += self.session.took(packet, datagram, now)
            return self.session.outgoing(now + ACK_DELAY)
        fields = unpacked(packet.fields)
        if not self._cookies.good(fields.get(Key.COOKIE, b""), address, now):
            cookie = packed({Key.COOKIE: self._cookies.make(address, now)})
            retry = Packet(Type.RETRY, packet.session, fields=cookie, flags=_PEER | Flag.RESPONDER)
            return [encode(retry)]
        try:
            self.session = self._invited(packet, fields, address, now)
        except Disproved:
            return []
        return self.session.outgoing(now)

    def _known(self, packet: Packet) -> bool:
        return self.session is not None and self.session.nonce == packet.session

    def _invited(
        self, packet: Packet, fields: dict[int, bytes], address: Address, now: float
    ) -> Session:
        introduction = None
        if self._identity is not None and offers_proof(fields):
            introduction = Answering(
                self._identity, self._dice, THERE, address, packet.session, fields
            )
        session, key = self._dice.randbytes(8), self._dice.randbytes(16)
        made = Invitation(
            packet.session, session, key, packet.seq, "red", "lobby", "blue", introduction
        )
        return Session.responder(self._dice, now, made, lambda now: True, _PEER)


def carry(client: Session, door: Door, address: Address = HERE) -> list[bytes]:
    """Carry all datagrams to and fro, as they are; return them."""
    seen: list[bytes] = []
    now = 0.0
    while sent := client.outgoing(now + ACK_DELAY):
        for datagram in sent:
            seen.append(datagram)
            for answer in door.received(datagram, address, now):
                seen.append(answer)
                client.received(answer, now)
    return seen


def said(packet: Packet) -> dict[int, bytes]:
    """Return a packet's fields."""
    return unpacked(packet.fields)


def test_two_peers_with_keys_know_each_other_by_them() -> None:
    """And their session's key has never been on its way."""
    red, blue = caller(), Door()
    seen = carry(red, blue)
    assert blue.session is not None
    assert red.state is blue.session.state is State.OPEN
    assert (red.public, blue.session.public) == (BLUE.public, RED.public)
    assert red._key == blue.session._key
    assert not any(red._key in each for each in seen)
    assert all(Key.SECRET not in said(decode(each)) for each in seen)


@pytest.mark.parametrize(("mine", "others"), [(RED, None), (None, BLUE), (None, None)])
def test_a_peer_without_a_key_talks_to_all_others_and_is_unproven(
    mine: Identity | None, others: Identity | None
) -> None:
    """As before there were keys: the session's one travels in the clear."""
    red, blue = caller(mine), Door(others)
    carry(red, blue)
    assert blue.session is not None
    assert red.state is blue.session.state is State.OPEN
    assert red.public == blue.session.public == b""


def test_no_packet_is_too_long_and_an_unproven_address_gets_less_than_it_sent() -> None:
    """With the longest name there may be."""
    asking = Asking(RED, dice(1), HERE, THERE)
    red = Session.initiator(dice(1), 0.0, "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 24, {}, _PEER, asking)
    blue = Door()
    (hello,) = red.outgoing(0.0)
    (retry,) = blue.received(hello)
    assert len(retry) < len(hello)
    assert len(hello) < 150, "without a cookie nothing is kept of it: it need not hold more"
    red.received(retry, 0.0)
    seen = carry(red, blue)
    assert MIN_HELLO < max(map(len, seen)) < MAX_PACKET / 2


def test_what_is_signed_is_what_the_documentation_says() -> None:
    """Put together here once more, by hand (docs/protocols/chat-peers.md)."""
    red, blue = caller(), Door()
    packets = [decode(each) for each in carry(red, blue)]
    hello = next(each for each in packets if Key.IDENTITY in said(each))
    welcome = next(each for each in packets if each.type is Type.WELCOME)
    ping = next(each for each in packets if each.type is Type.PING)
    ask, answer = said(hello), said(welcome)

    def signed(role: bytes) -> bytes:
        parts = [
            b"netdemo chat peers 1",
            role,
            hello.session,
            answer[Key.SESSION],
            ask[Key.COOKIE],
            b"red",
            b"blue",
            b"red",
            b"lobby",
            b"\x1b\x62",
            bytes(10) + b"\xff\xff\xc0\x00\x02\x07\x9c\x40",
            bytes(10) + b"\xff\xff\xc0\x00\x02\x08\x1b\x60",
            RED.public,
            ask[Key.SHARE],
            BLUE.public,
            answer[Key.SHARE],
        ]
        return b"".join(len(each).to_bytes(2, "big") + each for each in parts)

    assert RED.proves(BLUE.public, answer[Key.PROOF], signed(b"responder"))
    assert BLUE.proves(RED.public, said(ping)[Key.PROOF], signed(b"initiator"))


def test_whoever_relays_from_an_address_of_its_own_is_found_out() -> None:
    """Each side signs the addresses that it sees, and they are others."""
    red, blue = caller(there=BETWEEN), Door()
    carry(red, blue, BETWEEN)
    assert blue.session is None or blue.session.state is State.HALF
    assert red.public == b""
    assert red.state is State.PROVING


def introduced(red: Address, blue: Address, red_sees: Address, blue_sees: Address) -> bool:
    """Say whether two who know such addresses of their own, and see such others, believe it."""
    asking = Asking(RED, dice(1), red, red_sees)
    hello = asking.offer({Key.NAME: b"red", Key.COOKIE: bytes(20)})
    answering = Answering(BLUE, dice(2), blue, blue_sees, b"12345678", {**hello})
    welcome = answering.welcome({Key.SESSION: b"session!"})
    try:
        asking.welcomed(b"12345678", {**welcome})
    except Disproved:
        return False
    return answering.proven(asking.proof[Key.PROOF])


def test_both_sides_sign_the_addresses_that_they_see() -> None:
    """With another one of the four, be it only a port, nobody is believed."""
    right = HERE, THERE, THERE, HERE
    assert introduced(*right)
    for at in range(4):
        for other in (BETWEEN, (right[at][0], right[at][1] + 1)):
            addresses = [*right]
            addresses[at] = other
            assert not introduced(*addresses)


def test_a_welcome_that_is_repeated_is_the_same() -> None:
    """It costs no new key, and whoever heard the first one can go on."""
    red, blue = caller(), Door()
    (hello,) = red.outgoing(0.0)
    red.received(blue.received(hello)[0], 0.0)
    (hello,) = red.outgoing(0.0)
    assert blue.received(hello) == blue.received(hello)


def test_another_one_who_answers_at_the_same_place_ends_the_session() -> None:
    """Greeted anew after a server forgot it, a session goes on with the same key or not at all."""
    red, blue = caller(), Door()
    carry(red, blue)
    for identity in (MALLORY, None):
        red, blue = caller(), Door()
        carry(red, blue)
        ping = encode(Packet(Type.PING, red.id, flags=_PEER), red._key)
        cookie = {Key.COOKIE: bytes(20)}
        anew = Packet(
            Type.RETRY,
            decode(ping).session,
            fields=packed(cookie),
            flags=_PEER | Flag.RESPONDER,
        )
        red.received(encode(anew), 10.0)
        other = Door(identity)
        carry(red, other)
        assert red.state is State.CLOSED


def test_a_recording_proves_nothing() -> None:
    """A new session has a new cookie, a new number and a new share."""
    red, blue = caller(), Door()
    seen = carry(red, blue)
    again = Door(seed=3)
    for datagram in seen:
        if not decode(datagram).flags & Flag.RESPONDER:
            again.received(datagram)
    assert again.session is None
    blue.session = None  # the same door, a moment later: its cookie is still good
    for datagram in seen:
        if not decode(datagram).flags & Flag.RESPONDER:
            blue.received(datagram)
    later: Session | None = blue.session
    assert later is None or later.state is State.HALF


class Posing:
    """Mallory, who shows somebody else's key and signs with her own."""

    def __init__(self, public: bytes) -> None:
        self.public = public

    def sign(self, said: bytes) -> bytes:
        """Return a signature, of the wrong key."""
        return MALLORY.sign(said)

    def proves(self, public: bytes, proof: bytes, said: bytes) -> bool:
        """Believe everybody."""
        return True

    def share(self, dice: Random) -> Share:
        """Return a share of her own, of which she knows the secret."""
        return MALLORY.share(dice)


def test_who_shows_the_key_of_another_one_is_neither_called_nor_heard() -> None:
    """However well she knows the shares: she cannot sign for either of them."""
    red, door = caller(), Door(Posing(BLUE.public))
    carry(red, door)
    assert red.state is State.PROVING
    assert red.public == b""
    mallory, blue = caller(Posing(RED.public)), Door()
    carry(mallory, blue)
    assert blue.happened[:1] == [Unproven()]
    assert blue.session is not None
    assert blue.session.state is State.HALF
    assert blue.session.public == b""


class Between:
    """Somebody who sees all packets of two peers, and does with them what the dice say."""

    def __init__(self, seed: int) -> None:
        self.rolls: Random = dice(seed)
        self.seen: list[bytes] = []
        self.share = MALLORY.share(self.rolls)

    def carries(self, datagram: bytes) -> list[bytes]:
        """Return what arrives in place of a packet."""
        self.seen.append(datagram)
        match self.rolls.randrange(12):
            case 0:
                return []
            case 1:
                return [datagram, self.rolls.choice(self.seen)]
            case 2:
                return [self.rolls.choice(self.seen), datagram]
            case 3 | 4:
                return [self.forged(datagram)]
            case 5:
                return [self.forged(datagram), datagram]
            case 6:
                at = self.rolls.randrange(len(datagram))
                return [datagram[:at] + self.rolls.randbytes(1) + datagram[at + 1 :]]
            case _:
                return [datagram]

    def forged(self, datagram: bytes) -> bytes:
        """Return a packet with some of its fields exchanged for one's own, or those of others."""
        packet = decode(datagram)
        fields = {Key(key): value for key, value in said(packet).items() if key in set(Key)}
        fields.pop(Key.PADDING, None)
        for key in (Key.IDENTITY, Key.SHARE, Key.PROOF, Key.SECRET, Key.NAME, Key.FROM, Key.PORT):
            if self.rolls.random() < 0.3:
                fields[key] = self.invented(key)
                if not fields[key]:
                    del fields[key]
        return encode(packet._replace(fields=padded(fields, 64)), self.key(packet))

    def invented(self, key: Key) -> bytes:
        """Return something for a field: one's own, what was seen, or nothing."""
        own = {
            Key.IDENTITY: MALLORY.public,
            Key.SHARE: self.share.public,
            Key.PROOF: MALLORY.sign(self.rolls.randbytes(8)),
            Key.SECRET: bytes(16),
            Key.NAME: b"mallory",
            Key.FROM: b"mallory",
            Key.PORT: b"\x1b\x62",
        }
        old = [said(decode(each)).get(key, b"") for each in self.seen]
        return self.rolls.choice([own[key], b"", *old])

    def key(self, packet: Packet) -> bytes | None:
        """Return a key to tag with: one that was seen, or invented."""
        keys = [said(decode(each)).get(Key.SECRET, b"") for each in self.seen]
        return self.rolls.choice([bytes(16), *filter(None, keys)]) if packet.flags & 2 else None


def lied_to(seed: int) -> str:
    """Let two peers begin a session through somebody who lies; return how it ended.

    What must never be: that one of them takes somebody for the other who is not, or hears what
    the other has not said.
    """
    red, blue, between = caller(seed=seed), Door(seed=seed + 1), Between(seed)
    heard: list[bytes] = []
    text = actions.asked(Say("lobby", "from red"))
    wanted = True
    for step in range(60):
        now = step * 0.25
        red.wake(now)
        for sent in red.outgoing(now + ACK_DELAY):
            for carried in between.carries(sent):
                for answer in blue.received(carried, HERE, now):
                    for back in between.carries(answer):
                        red.received(back, now)
        if wanted and red.state is State.OPEN:
            red.send(text)
            wanted = False
    heard = [each.body for each in blue.happened if isinstance(each, Came)]
    session = blue.session
    if session is not None and session.public == RED.public and session.state is State.OPEN:
        assert set(heard) <= {text}, "somebody else was heard in red's name"
    if red.public == BLUE.public and red.state is State.OPEN:
        assert session is not None
        assert session._key == red._key, "red talks to somebody else"
        assert session.public == RED.public
        return "proven"
    return "otherwise"


@pytest.mark.parametrize("seed", range(0, 200, 5))
def test_nobody_between_two_peers_is_taken_for_one_of_them(seed: int) -> None:
    """Relayed, repeated, with other keys, with none: either it is the other one, or not proven."""
    lied_to(seed)


@pytest.mark.slow
def test_nobody_between_two_peers_is_taken_for_one_of_them_in_2000_ways() -> None:
    """And most who are only disturbed find each other all the same."""
    ends = [lied_to(seed) for seed in range(2000)]
    assert ends.count("proven") > 200


@given(st.dictionaries(st.sampled_from(Key), st.binary(max_size=80)))
def test_any_welcome_is_either_proven_or_not(fields: dict[Key, bytes]) -> None:
    """Whatever is in it; without a key of the other side nothing is proven (R28)."""
    asking = Asking(RED, dice(1), HERE, THERE)
    asking.offer({Key.NAME: b"red", Key.COOKIE: bytes(20)})
    try:
        asking.welcomed(b"12345678", fields)
    except Disproved:
        assert fields.get(Key.IDENTITY)
    assert asking.public == b""


@given(st.binary(max_size=80), st.binary(min_size=32, max_size=32), st.binary(max_size=40))
def test_any_hello_and_any_proof_are_borne(proof: bytes, public: bytes, share: bytes) -> None:
    """And prove nothing (R28)."""
    hello = {Key.IDENTITY: public, Key.SHARE: share}
    assert offers_proof(hello) == (len(share) == 32)
    answering = Answering(BLUE, dice(1), THERE, HERE, b"12345678", hello)
    try:
        answering.welcome({Key.SESSION: b"session!"})
    except Disproved:
        return
    assert not answering.proven(proof)


@pytest.mark.parametrize("share", [bytes(32), b"\x01" + bytes(31)])
def test_a_share_with_which_everybody_would_know_the_key_is_none(share: bytes) -> None:
    """RFC 7748, 6.1: of such points the secret is always zero."""
    hello = {Key.IDENTITY: RED.public, Key.SHARE: share}
    answering = Answering(BLUE, dice(1), THERE, HERE, b"12345678", hello)
    with pytest.raises(Disproved):
        answering.welcome({Key.SESSION: b"session!"})


def test_nothing_that_is_printed_holds_a_secret() -> None:
    """Neither the keys for life nor those of a session, whoever logs the objects."""
    red, blue = caller(), Door()
    carry(red, blue)
    assert blue.session is not None
    invitation = blue.session._invitation
    shown = " ".join(map(repr, (RED, red, blue.session, invitation, red._asking, red._key[:0])))
    for secret in (b"red".ljust(32), red._key):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown
    assert "Keypair" in shown
