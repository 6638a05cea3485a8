"""The door of a peer: whoever else is in the mesh says here what its owner hears."""

from random import Random
from typing import Any, Protocol

from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.datagram import Flag, Key, Malformed, Packet, Type, decode, unpacked
from twisted_net.chat.codec.messages import Act, Code, Refusal, Say, Tell, quoted
from twisted_net.chat.core.datagram import Session
from twisted_net.chat.core.ident import skeleton
from twisted_net.chat.core.introduction import Answering, Disproved, Fields
from twisted_net.chat.core.mesh import MOST, Mesh
from twisted_net.chat.core.path import Address
from twisted_net.chat.core.states import Came, Happening, Opened, Resumed, State, Unproven
from twisted_net.chat.doors.datagram import ChatDatagramProtocol
from twisted_net.chat.doors.guest import Guest
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.post import Post
from twisted_net.net.limits import SourceRates
from twisted_net.net.text import safe

#: Bare texts a second that are shown of one address.
TEXTS = 10

#: Characters of a bare text that are shown.
LONGEST_TEXT = 1000

#: What peers may ask of each other; of a server there is more, a new name for one. Here a name
#: belongs to the key that came with it.
ALLOWED = (Say, Act, Tell)

_NO_PROOF = Refusal(
    Code.FORBIDDEN, "your proof does not fit: is an address translated, or somebody between us?"
)
_NOT_ALLOWED = Refusal(Code.BAD, "no command between peers")


class Owner(Protocol):
    """Who talks and listens behind the door."""

    def call(self, address: Address) -> None:
        """Begin a session with a peer."""

    def arrived(self) -> None:
        """Notice that somebody has come."""

    def asked(self) -> None:
        """Look when the mesh has something to answer."""

    def bare(self, address: Address, text: str) -> None:
        """Hear what anybody may have sent.

        :param text: made safe for a terminal.
        """

    def admit(self, name: str, public: bytes, address: Address) -> None:
        """Look whether somebody may come under a name.

        :param public: the key that they say they have; empty: none.
        :raises Refusal: they may not.
        """

    def introduction(self, nonce: bytes, hello: Fields, address: Address) -> Answering | None:
        """Return how somebody and oneself prove who they are; None: one of them cannot.

        :param hello: fields of theirs.
        :raises Refusal: that cannot be done now.
        """

    def proven(self, name: str, public: bytes, address: Address) -> None:
        """Take note of who has come, before it is told.

        :param public: the key that they have proven to have; empty: none.
        :raises Refusal: they may not, after all.
        """

    def disproved(self, address: Address) -> None:
        """Hear that somebody at an address is not who they said."""


class PeerGuest(Guest):
    """Another peer: what it says is heard here, and it hears everybody from themselves."""

    def __init__(
        self, door: "ChatPeerProtocol", session: Session, address: Address, hello: Packet
    ) -> None:
        super().__init__(door, session, address, address[0], hello)
        self._peers = door
        self._port = int.from_bytes(unpacked(hello.fields).get(Key.PORT, b""), "big")

    def add(self, message: bytes) -> None:
        """Say nothing: it heard that already."""

    def happened(self, happening: Happening, now: float) -> None:
        """Take what its session tells; whoever has come is called back."""
        match happening:
            case Opened() | Resumed():
                try:
                    self._peers.owner.proven(self.session.name, self.session.public, self.address)
                except Refusal as refusal:
                    self._peers.dismiss(self, refusal)
                    return
            case Unproven():
                self._peers.owner.disproved(self.address)
                self._peers.dismiss(self, _NO_PROOF)
                return
            case Came(seq, body) if not _allowed(body):
                self.session.send(actions_said.refused(_NOT_ALLOWED, seq))
                return
        super().happened(happening, now)
        if isinstance(happening, Opened):
            self._peers.greeted((self.address[0], self._port))


def _allowed(body: bytes) -> bool:
    """Say whether a peer may ask for something; what is no command at all is refused elsewhere."""
    try:
        return isinstance(actions.parse(body), ALLOWED)
    except Refusal:
        return body[0] != actions.Action.LOGIN


class ChatPeerProtocol(ChatDatagramProtocol):
    """Where a peer listens: sessions, those who look for others, and bare text.

    :param mesh: what is known of the others.
    :param owner: whose door it is.
    """

    flags = Flag.PEER

    def __init__(
        self,
        post: Post[Outlet],
        reactor: Any,
        dice: Random,
        mesh: Mesh,
        owner: Owner,
    ) -> None:
        super().__init__(post, reactor, dice, name=mesh.name)
        self._mesh = mesh
        self.owner = owner
        self._texts = SourceRates(TEXTS)

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Take a packet to its session, or what belongs to none."""
        kind = datagram[1] & 15 if datagram[:1] == b"\xff" and len(datagram) > 1 else 0
        if kind in (Type.FIND, Type.HERE):
            self._discovered(datagram, (addr[0], addr[1]))
        else:
            super().datagramReceived(datagram, addr)

    def greeted(self, address: Address) -> None:
        """Call somebody back who has proven to be there."""
        now = self._reactor.seconds()
        if 1024 <= address[1] <= 65535 and self._mesh.greeted(address, now):
            self.owner.call(address)
        self.owner.arrived()

    def oust(self, name: str, public: bytes) -> None:
        """End the sessions under a name with other keys than its own, or none."""
        for guest in list(self._guests.values()):
            other = guest.session.public != public and guest.session.state is not State.HALF
            if other and skeleton(guest.session.name) == skeleton(name):
                self.dismiss(guest, Refusal(Code.FORBIDDEN, f"{quoted(name)} is another's"))

    def _discovered(self, datagram: bytes, address: Address) -> None:
        try:
            packet = decode(datagram)
        except Malformed as error:
            self._drops.drop(str(error), address)
            return
        now = self._reactor.seconds()
        if packet.type is Type.FIND and packet.flags == Flag.PEER:
            self._mesh.asked(packet, len(datagram), address, now)
            self.owner.asked()
        elif packet.flags == Flag.PEER | Flag.RESPONDER:
            for each in self._mesh.answered(packet, address, now):
                self.owner.call(each)
        else:
            self._drops.drop("unknown_version", address)

    def _malformed(self, datagram: bytes, address: Address, why: str) -> None:
        if not datagram or datagram[:1] == b"\xff":
            super()._malformed(datagram, address, why)
        elif self._texts.take(address[0], 1, self._reactor.seconds()):
            self.owner.bare(address, safe(datagram.rstrip(b"\r\n"), LONGEST_TEXT))
        else:
            self._drops.drop("too_many_texts", address)

    def _most(self) -> int:
        return MOST - 1

    def _begin(self, packet: Packet, address: Address, name: str) -> None:
        claimed = unpacked(packet.fields).get(Key.IDENTITY, b"")
        self.owner.admit(name, claimed, address)
        try:
            super()._begin(packet, address, name)
        except Disproved:
            raise _NO_PROOF from None

    def _introduction(self, hello: Packet, address: Address) -> Answering | None:
        return self.owner.introduction(hello.session, unpacked(hello.fields), address)

    def _guest(self, session: Session, address: Address, hello: Packet) -> Guest:
        return PeerGuest(self, session, address, hello)
