"""A hub for tests: commands in, deliveries out; and a bus that takes its time."""

from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import Deferred

from twisted_net.chat.codec.messages import Code, Event, Refusal
from twisted_net.chat.codec.requests import Deed, Join
from twisted_net.chat.core.hub import Delivery, Hub, Member
from twisted_net.chat.core.ident import Ids


class Chat:
    """A hub without doors: each member's outlet is the name it first had."""

    def __init__(self, hub: Hub[str] | None = None, now: float = 1.0) -> None:
        self.hub: Hub[str] = Hub() if hub is None else hub
        self.now = now
        self._ids = Ids()

    def numbered(self, draft: Event) -> Event:
        """Give a draft an id."""
        return replace(draft, id=self._ids.next(self.now))

    def enter(self, name: str, *rooms: str, account: str = "", host: str = "") -> Member[str]:
        """Let somebody in, and into rooms."""
        member = self.hub.enter(name, name, "tcp", self.now, account=account, host=host)
        assert self.hub.apply(self.numbered(self.hub.entering(member))) == []
        for room in rooms:
            self.does(member, Join(room))
        return member

    def does(self, member: Member[str], what: Deed) -> list[Delivery[str]]:
        """Do what somebody wants; nothing where nothing changes."""
        draft = self.hub.command(member, what, self.now)
        return [] if draft is None else self.hub.apply(self.numbered(draft))

    def refuses(self, member: Member[str], what: Deed) -> str:
        """Return why somebody may not do a thing."""
        try:
            self.does(member, what)
        except Refusal as refusal:
            return str(refusal)
        return ""


def hears(deliveries: list[Delivery[str]]) -> list[str]:
    """Return who hears the only delivery there is."""
    (delivery,) = deliveries
    return [member.outlet or "" for member in delivery.to]


class Far:
    """A bus whose events come back later, or not at all."""

    def __init__(self, now: float = 1.0) -> None:
        self.now = now
        self.drafts: list[tuple[Event, Deferred[int]]] = []
        self._heard: list[Callable[[Event], None]] = []
        self._ids = Ids()

    def publish(self, draft: Event) -> Deferred[int]:
        """Keep it."""
        published: Deferred[int] = Deferred()
        self.drafts.append((draft, published))
        return published

    def tail(self, heard: Callable[[Event], None]) -> None:
        """Remember who hears."""
        self._heard.append(heard)

    def arrives(self) -> None:
        """Let the first draft come back as an event."""
        draft, published = self.drafts.pop(0)
        event = replace(draft, id=self._ids.next(self.now))
        for heard in self._heard:
            heard(event)
        published.callback(event.id)

    def all_arrive(self) -> None:
        """Let all drafts come back, and those that they lead to."""
        while self.drafts:
            self.arrives()

    def refuses_all(self) -> None:
        """Let all drafts be refused."""
        while self.drafts:
            self.refuses()

    def refuses(self) -> None:
        """Let the first draft be refused."""
        self.drafts.pop(0)[1].errback(Refusal(Code.UNAVAILABLE, "other nodes unreachable"))
