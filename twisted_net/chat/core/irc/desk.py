"""What a session asks of those who may have to look things up first: accounts, and history.

The door has them made of what the chat keeps (`twisted_net.chat.doors.desk`). Whatever is asked is
told later, or at once, to a callable; what could not be done is told as a `Refusal`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

#: Told what was found, or a `Refusal`.
Told = Callable[[Any], None]


class AccountDesk(Protocol):
    """Who has an account."""

    @property
    def open(self) -> bool:
        """Whether strangers may make accounts."""

    def mechanisms(self, private: bool, fingerprint: str) -> Sequence[str]:
        """Return the mechanisms of SASL that a client may choose from."""

    def attempt(self, mechanism: str, host: str, private: bool, fingerprint: str) -> Any:
        """Begin to authenticate; None: there is no such mechanism for this client.

        :raises Refusal: the address has guessed too often.
        """

    def respond(self, attempt: Any, data: bytes, told: Told) -> None:
        """Take a response; a `Challenge`, `Granted` or `Denied` is told."""

    def register(self, account: str, password: str, host: str, holds: str, told: Told) -> None:
        """Make an account; its name is told.

        :param holds: what whoever asks is called.
        """

    def certificates(self, account: str) -> Sequence[str]:
        """Return the fingerprints of an account's certificates."""

    def certify(self, account: str, fingerprint: str, told: Told) -> None:
        """Let a certificate be as good as the password; None is told."""

    def uncertify(self, account: str, fingerprint: str, told: Told) -> None:
        """Let a certificate be good for nothing again; None is told."""


class ProfileDesk(Protocol):
    """What accounts tell about themselves."""

    def load(self, account: str, told: Told) -> None:
        """Look up all of an account; a dictionary is told."""

    def keep(self, account: str, key: str, value: str | None) -> None:
        """Remember one key of an account; None: it is set no more."""


class HistoryDesk(Protocol):
    """What was said."""

    def room(self, name: str) -> str:
        """Return how a room is called here."""

    def pair(self, account: str, other: str) -> str:
        """Return how the talk of two accounts is called here."""

    def other(self, pair: str, account: str) -> str:
        """Return the other account of what `pair` returned."""

    def ask(self, told: Told, question: str, *words: Any) -> None:
        """Ask a history (`twisted_net.chat.store.History`) by one of its methods."""
