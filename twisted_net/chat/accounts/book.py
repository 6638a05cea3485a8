"""The book of accounts, in memory; where it is also written to is somebody else's to know."""

from collections.abc import Iterable
from dataclasses import dataclass

from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import quoted
from twisted_net.chat.core.ident import folded, skeleton
from twisted_net.chat.core.scram import Credentials

#: Accounts that there may be: all are held in memory, some 500 bytes each.
MOST = 100_000

#: Certificates of one account.
CERTIFICATES = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """One account.

    :ivar name: as it was registered.
    :ivar since: milliseconds since 1970.
    """

    name: str
    credentials: Credentials
    since: int


class Book:
    """Who has an account.

    :param entries: those that there are already.
    :param certificates: fingerprints and whose they are.
    """

    def __init__(
        self, entries: Iterable[Entry] = (), certificates: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._entries: dict[str, Entry] = {}
        self._names: dict[str, str] = {}  # what a name reads like -> folded name
        self._certificates = dict(certificates)
        for entry in entries:
            self.add(entry)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)

    def get(self, name: str) -> Entry | None:
        """Return the account of that name."""
        return self._entries.get(folded(name))

    def alike(self, name: str) -> str | None:
        """Return the account that a name is, or reads like."""
        key = self._names.get(skeleton(name))
        return None if key is None else self._entries[key].name

    def refuse(self, name: str) -> None:
        """Refuse another account of that name.

        :raises Refusal: there is one that reads the same, or there are too many.
        """
        if self.alike(name) is not None:
            raise Refusal(Code.TAKEN, f"name {quoted(name)} is taken", Why.TAKEN)
        if len(self) >= MOST:
            raise Refusal(Code.UNAVAILABLE, "too many accounts", Why.UNREACHABLE)

    def add(self, entry: Entry) -> None:
        """Enter an account."""
        key = folded(entry.name)
        self._entries[key] = entry
        self._names[skeleton(entry.name)] = key

    def remove(self, name: str) -> None:
        """Strike an account out."""
        entry = self._entries.pop(folded(name), None)
        if entry is not None:
            del self._names[skeleton(entry.name)]
            for fingerprint in self.certificates(name):
                del self._certificates[fingerprint]

    def certified(self, fingerprint: str) -> str:
        """Return the account that a certificate belongs to; empty: to none."""
        entry = self._entries.get(self._certificates.get(fingerprint, ""))
        return "" if entry is None else entry.name

    def certificates(self, name: str) -> list[str]:
        """Return the fingerprints of an account."""
        return [each for each, owner in self._certificates.items() if owner == folded(name)]

    def certify(self, fingerprint: str, name: str) -> None:
        """Let a certificate belong to an account.

        :raises Refusal: it belongs to another one, or there are too many.
        """
        owner = self._certificates.get(fingerprint)
        if owner is not None and owner != folded(name):
            raise Refusal(Code.TAKEN, "another account has this certificate", Why.TAKEN)
        if owner is None and len(self.certificates(name)) >= CERTIFICATES:
            raise Refusal(Code.UNAVAILABLE, "too many certificates", Why.LIST_FULL)
        self._certificates[fingerprint] = folded(name)

    def uncertify(self, fingerprint: str, name: str) -> None:
        """Let a certificate belong to an account no more.

        :raises Refusal: it does not.
        """
        if self._certificates.get(fingerprint) != folded(name):
            raise Refusal(Code.UNKNOWN, f"no certificate {quoted(fingerprint)}", Why.NO_MEMBER)
        del self._certificates[fingerprint]
