"""A hub for tests: commands in, deliveries out, with the simplest bus there is."""

from twisted_net.chat.codec.messages import Event, Refusal
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
        fields = {name: getattr(draft, name) for name in Event.__slots__}
        return Event(**{**fields, "id": self._ids.next(self.now)})

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
