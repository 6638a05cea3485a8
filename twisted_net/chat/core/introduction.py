"""How two peers prove who they are when a session begins, and agree on its key. Pure.

Each has an Ed25519 key for life (RFC 8032), and makes an X25519 key for one session (RFC 7748): its
*share*. The HELLO with a cookie carries the initiator's two public keys, the WELCOME the
responder's two and a signature, and the initiator's first PING its signature. The session's key
comes of the two shares, so that it never travels: whoever only carries the packets to and fro,
however near, can neither say anything in the session nor take it over.

Signed are these parts, in this order, each with its length (2 bytes, network order) before it:

=====================  =========================================================================
label                  ``netdemo chat peers 1``
role of who signs      ``initiator`` or ``responder``
nonce                  8 bytes, the initiator's
session                8 bytes, the responder's
cookie                 20 bytes: the responder's proof of the initiator's address
name, from, name       what the HELLO and the WELCOME say: the initiator's name as it asked for it,
                       the responder's, the initiator's as it was given
room                   of the WELCOME
port                   where the initiator listens, as its HELLO says
initiator's address    16 bytes of IPv6 (an address of IPv4 as ``::ffff:…``), 2 of the port
responder's address    likewise
initiator's key        32 bytes, Ed25519
initiator's share      32 bytes, X25519
responder's key        32 bytes
responder's share      32 bytes
=====================  =========================================================================

Each side takes its own address as it knows it, and the other's as it sees it: a signature that came
through somebody who poses as either of them to the other fits nowhere. The key of the session is
BLAKE2b of the same parts, with ``key`` for the role, of 16 bytes, keyed with what X25519 made of
the two shares.
"""

import ipaddress
from collections.abc import Mapping
from hashlib import blake2b
from random import Random
from typing import Protocol

from twisted_net.chat.codec.datagram import Key
from twisted_net.chat.core.path import Address
from twisted_net.net.errors import RemoteProtocolError

#: The fields of a packet, as they were read or will be written.
Fields = Mapping[int, bytes] | Mapping[Key, bytes]

_LABEL = b"netdemo chat peers 1"
_INITIATOR, _RESPONDER, _KEY = b"initiator", b"responder", b"key"

#: Bytes of a public key, of a share, and of a signature (RFC 8032, 5.1.5; RFC 7748, 5).
_PUBLIC, _SHARE, _PROOF = 32, 32, 64


class Disproved(RemoteProtocolError):  # noqa: N818 - says what the peer is
    """A peer did not prove what it said; the message is constant."""


class Share(Protocol):
    """A key for one session.

    :ivar public: 32 bytes.
    """

    @property
    def public(self) -> bytes:
        """What the other side is sent."""

    def agree(self, other: bytes) -> bytes:
        """Return what both sides make of their shares: 32 bytes.

        :raises ValueError: the other one is none.
        """


class Identity(Protocol):
    """Somebody's key for life."""

    @property
    def public(self) -> bytes:
        """What others know it by: 32 bytes."""

    def sign(self, said: bytes) -> bytes:
        """Return a signature: 64 bytes."""

    def proves(self, public: bytes, proof: bytes, said: bytes) -> bool:
        """Say whether somebody's signature is right."""

    def share(self, dice: Random) -> Share:
        """Return a key for one session."""


class _Introduction:
    """What both sides have of it.

    :param here: one's own address, as it is towards the other.
    :param there: the other's, as it is seen here.
    :ivar public: the other's key, once it has proven that it has it.
    :ivar key: of the session, once the shares are known; 16 bytes.
    """

    def __init__(self, identity: Identity, dice: Random, here: Address, there: Address) -> None:
        self.public = b""
        self.key = b""
        self._identity = identity
        self._dice = dice
        self._here = here
        self._there = there
        self._parts: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        """Show no key."""
        return f"<{type(self).__name__} {self._here} {self._there}>"

    def _agreed(self, nonce: bytes, hello: Fields, welcome: Fields) -> tuple[bytes, ...]:
        """Return what both sides sign; see above."""
        told = (Key.NAME, hello), (Key.FROM, welcome), (Key.NAME, welcome), (Key.ROOM, welcome)
        initiator, responder = self._addresses()
        return (
            nonce,
            welcome.get(Key.SESSION, b""),
            hello.get(Key.COOKIE, b""),
            *(fields.get(key, b"") for key, fields in told),
            hello.get(Key.PORT, b""),
            written(initiator),
            written(responder),
            hello[Key.IDENTITY],
            hello[Key.SHARE],
            welcome[Key.IDENTITY],
            welcome[Key.SHARE],
        )

    def _addresses(self) -> tuple[Address, Address]:
        """Return the initiator's and the responder's."""
        return self._here, self._there

    def _derived(self, share: Share, other: bytes) -> bytes:
        try:
            secret = share.agree(other)
        except ValueError:
            raise Disproved("no share") from None
        return blake2b(_said(_KEY, self._parts), digest_size=16, key=secret).digest()


class Asking(_Introduction):
    """The initiator's side."""

    _hello: dict[Key, bytes]
    _share: Share | None = None

    def offer(self, fields: Mapping[Key, bytes]) -> dict[Key, bytes]:
        """Return the fields of a HELLO, and with them what proves the initiator.

        For each cookie there is a new share. Without one nothing is kept of a HELLO, and so it
        need not hold more.
        """
        if not fields.get(Key.COOKIE):
            return dict(fields)
        if self._share is None or self._hello.get(Key.COOKIE) != fields[Key.COOKIE]:
            self._share = self._identity.share(self._dice)
        mine = {Key.IDENTITY: self._identity.public, Key.SHARE: self._share.public}
        self._hello = {**fields, **mine}
        return self._hello

    def welcomed(self, nonce: bytes, welcome: Fields) -> None:
        """Take a WELCOME: the other's key and the session's, if it has a key at all.

        :raises Disproved: it does not prove what it says.
        """
        public, share = welcome.get(Key.IDENTITY, b""), welcome.get(Key.SHARE, b"")
        self.public = self.key = b""
        if not public:
            return
        if self._share is None or len(public) != _PUBLIC or len(share) != _SHARE:
            raise Disproved("no key")
        self._parts = self._agreed(nonce, self._hello, welcome)
        said = _said(_RESPONDER, self._parts)
        if not self._identity.proves(public, welcome.get(Key.PROOF, b""), said):
            raise Disproved("no proof")
        self.key = self._derived(self._share, share)
        self.public = public

    @property
    def proof(self) -> dict[Key, bytes]:
        """What the first PING has besides."""
        if not self.public:
            return {}
        return {Key.PROOF: self._identity.sign(_said(_INITIATOR, self._parts))}


class Answering(_Introduction):
    """The responder's side.

    :param nonce: that of the HELLO.
    :param hello: its fields; `offers_proof` has said that keys are among them.
    """

    def __init__(
        self,
        identity: Identity,
        dice: Random,
        here: Address,
        there: Address,
        nonce: bytes,
        hello: Fields,
    ) -> None:
        super().__init__(identity, dice, here, there)
        self._nonce = nonce
        self._hello = hello
        self._fields: dict[Key, bytes] = {}

    def welcome(self, fields: Mapping[Key, bytes]) -> dict[Key, bytes]:
        """Return the fields of the WELCOME, and with them what proves the responder.

        What is said first is said again: a WELCOME that is repeated is the same.

        :raises Disproved: the initiator's share is none.
        """
        if not self._fields:
            share = self._identity.share(self._dice)
            mine = {**fields, Key.IDENTITY: self._identity.public, Key.SHARE: share.public}
            mine.pop(Key.SECRET, None)
            self._parts = self._agreed(self._nonce, self._hello, mine)
            self.key = self._derived(share, self._hello[Key.SHARE])
            proof = self._identity.sign(_said(_RESPONDER, self._parts))
            self._fields = {**mine, Key.PROOF: proof}
        return self._fields

    def proven(self, proof: bytes) -> bool:
        """Take the initiator's signature; say whether it is right."""
        claimed = self._hello[Key.IDENTITY]
        if self._identity.proves(claimed, proof, _said(_INITIATOR, self._parts)):
            self.public = claimed
        return bool(self.public)

    def _addresses(self) -> tuple[Address, Address]:
        return self._there, self._here


def offers_proof(hello: Fields) -> bool:
    """Say whether a HELLO comes from a peer with a key of its own."""
    lengths = len(hello.get(Key.IDENTITY, b"")), len(hello.get(Key.SHARE, b""))
    return lengths == (_PUBLIC, _SHARE)


def written(address: Address) -> bytes:
    """Return an address as it is signed.

    >>> written(("192.0.2.7", 7008)) == written(("::ffff:192.0.2.7", 7008))
    True
    >>> len(written(("fe80::1%eth0", 7008)))
    18
    """
    host = ipaddress.ip_address(address[0].partition("%")[0])
    if isinstance(host, ipaddress.IPv4Address):
        host = ipaddress.IPv6Address(b"\0" * 10 + b"\xff" * 2 + host.packed)
    return host.packed + address[1].to_bytes(2, "big")


def _said(role: bytes, parts: tuple[bytes, ...]) -> bytes:
    whole = (_LABEL, role, *parts)
    return b"".join(len(each).to_bytes(2, "big") + each for each in whole)
