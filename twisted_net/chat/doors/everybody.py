"""What the server does to members on this node, by whatever door they came."""

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

from twisted_net.chat.core.hub import Member
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.post import Post


@runtime_checkable
class Announces(Protocol):
    """A profile that can write what the server says in its own name."""

    def announced(self, text: str) -> bytes:
        """Write it."""


@runtime_checkable
class Expels(Protocol):
    """An outlet whose member can be shown the door."""

    def expel(self, why: str) -> None:
        """End the connection, and say why."""


def notify(members: Iterable[Member[Outlet]], text: str) -> None:
    """Tell all members on this node something; those at a door without words for it not."""
    for member in list(members):
        outlet = member.outlet
        if outlet is not None and isinstance(outlet.profile, Announces):
            outlet.add(outlet.profile.announced(text))


def expel(members: Iterable[Member[Outlet]], why: str) -> None:
    """End the connections of all members on this node."""
    for member in list(members):
        outlet: object = member.outlet
        if isinstance(outlet, Expels):
            outlet.expel(why)


def show_out(
    post: Post[Outlet], seconds: Callable[[], float], member: Member[Outlet], why: str
) -> None:
    """Let a member on this node leave who is banned, and end the connection."""
    post.leave(member, "banned", seconds())
    expel([member], why)
