"""Whom a peer knows: names, and the keys that they had when they were first met. Pure."""

from collections.abc import Mapping
from enum import Enum, auto
from hashlib import sha256

from twisted_net.chat.core.ident import skeleton

#: Peers that are remembered; a mesh has at most sixteen. When it is full no other one is
#: remembered, rather than one forgotten: else many strangers could make us forget a friend.
MOST_KNOWN = 1024


class Standing(Enum):
    """What a key, or none, says about a name."""

    NEW = auto()  # the name was never met with a key
    SAME = auto()
    CHANGED = auto()
    MISSING = auto()  # it had a key, and shows none
    UNPROVEN = auto()  # it never had one


class Known:
    """Fingerprints by name: names that are read as one are one.

    :param entries: names and fingerprints.
    :param most: how many there may be.
    """

    def __init__(self, entries: Mapping[str, str] | None = None, most: int = MOST_KNOWN) -> None:
        self._entries = {skeleton(name): (name, key) for name, key in (entries or {}).items()}
        self._most = most

    def look(self, name: str, public: bytes) -> Standing:
        """Say what to think of somebody with a name and a key.

        :param public: the key; empty: none.
        """
        known = self.fingerprint_of(name)
        if not known:
            return Standing.NEW if public else Standing.UNPROVEN
        if not public:
            return Standing.MISSING
        return Standing.SAME if fingerprint(public) == known else Standing.CHANGED

    def fingerprint_of(self, name: str) -> str:
        """Return the fingerprint by which a name is known; empty: by none."""
        return self._entries.get(skeleton(name), ("", ""))[1]

    def learn(self, name: str, public: bytes) -> str:
        """Remember who had a name first.

        :return: why it is not remembered; empty: it is.
        """
        if skeleton(name) in self._entries:
            return ""
        if len(self._entries) >= self._most:
            return f"{self._most} peers are known, and no more are remembered; forget some"
        self._entries[skeleton(name)] = name, fingerprint(public)
        return ""

    def forget(self, name: str) -> bool:
        """Forget a name; say whether it was known."""
        return self._entries.pop(skeleton(name), None) is not None


def fingerprint(public: bytes) -> str:
    """Return what people compare: SHA-256 of a public key, in 64 hexadecimal digits."""
    return sha256(public).hexdigest()


def shown(whole: str) -> str:
    """Return the first 64 bits of a fingerprint, as people read them out to each other.

    >>> shown(fingerprint(bytes(32)))
    '6668 7aad f862 bd77'
    """
    return " ".join(whole[at : at + 4] for at in range(0, 16, 4))
