"""`ChatResource`: the chat as a resource of ``twisted.web``, to be mounted in any site.

A request is one line of a table: what it is called, how it is asked for, who answers. A browser is
known by its cookie, which no script can read and no other site's page can send; what else keeps
strangers' pages out is the web door's (`twisted_net.web.core`).
"""

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from twisted_net.chat.accounts.private import host_of
from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec import web as codec
from twisted_net.chat.codec.events import Event, shown_id
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.core.hub import Member
from twisted_net.chat.core.ident import hidden_host
from twisted_net.chat.doors.outlet import QUEUE, Outlet
from twisted_net.chat.doors.web.answering import (
    COOKIE,
    answer,
    answered,
    id_in,
    number_of,
    query_of,
    redirect,
    refuse,
    static,
    token_of,
)
from twisted_net.chat.doors.web.stream import WebOutlet
from twisted_net.chat.doors.web.visits import Visit, Visits
from twisted_net.chat.login import Login
from twisted_net.chat.post import Post
from twisted_net.chat.seat import Answer, Seat
from twisted_net.chat.store.base import History, of_room
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.pages import DOOR

_FILES = {
    b"": ("chat.html", b"text/html; charset=utf-8"),
    b"chat.js": ("chat.js", b"text/javascript; charset=utf-8"),
    b"chat.css": ("chat.css", b"text/css; charset=utf-8"),
}


class ChatResource(Resource):
    """Show the page, let browsers in, tell them what happens, do what they ask.

    :param post: the chat.
    :param queue: bytes that may wait for one member.
    :param secret: hides addresses, see `hidden_host`.
    """

    isLeaf = True

    def __init__(
        self,
        post: Post[Outlet],
        reactor: Any,
        dice: Random,
        queue: int = QUEUE,
        counters: DoorCounters | None = None,
        secret: bytes = b"",
    ) -> None:
        super().__init__()
        self._post = post
        self._secret = secret
        drops = Drops(DOOR, counters or DoorCounters(), reactor.seconds)
        self.visits = Visits(reactor, dice, self._seat, queue, drops)
        self._shown: dict[bytes, Callable[[Visit, Member[Outlet], dict[str, str]], Any]] = {
            b"state": self._state,
            b"history": self._history,
            b"rooms": lambda visit, member, query: ask.Rooms(),
            b"who": lambda visit, member, query: ask.Who(query.get("room", "")),
            b"search": lambda visit, member, query: ask.Search(query.get("q", "")),
        }

    def render_GET(self, request: Any) -> Any:
        """Show the page, or what a member asks to see."""
        if not request.postpath:
            return redirect(request)
        name = b"/".join(request.postpath)
        if name in _FILES:
            file, kind = _FILES[name]
            request.setHeader(b"Content-Type", kind)
            request.setHeader(b"Cache-Control", b"no-cache")
            return static(file)
        try:
            visit = self.visits.find(token_of(request))
            if name == b"events":
                return self._listen(visit, request)
            return answer(request, self._show(visit, name, query_of(request)))
        except Refusal as refusal:
            return refuse(request, refusal)

    def render_POST(self, request: Any) -> Any:
        """Do what somebody asks for."""
        name = b"/".join(request.postpath)
        try:
            verb = name.decode("ascii", "replace")
            body = request.content.read()
            if verb == "read":
                visit = self.visits.find(token_of(request))
                return answer(request, self._mark(visit, codec.object_in(body)))
            command, fields = codec.asked(verb, body)
            if verb == "enter":
                return answer(request, self._enter(request, command, fields))
            visit = self.visits.find(token_of(request))
            if verb == "leave":
                self.visits.end(visit, fields.get("why") or "quit")
                return answered(request, {"done": "quit"})
            return answer(request, self._obey(visit, command))
        except Refusal as refusal:
            return refuse(request, refusal)

    # Entering.

    def _seat(self, outlet: WebOutlet, transport: Any) -> Seat[Outlet]:
        host = hidden_host(host_of(transport), self._secret)
        login = Login.over(self._post.accounts, transport)
        return Seat(self._post, outlet, "web", host, 0, login)

    async def _enter(
        self, request: Any, command: ask.Command, fields: dict[str, str]
    ) -> dict[str, Any]:
        try:
            visit = self.visits.find(token_of(request))
        except Refusal:
            visit = self.visits.begin(request.transport, host_of(request.transport))
        new = visit.seat.member is None
        try:
            if fields.get("password"):
                await self._obey(visit, ask.Login(fields["name"], fields["password"]))
            made = await self._obey(visit, command)
        except Refusal:
            if new:
                self.visits.end(visit, "did not enter")
            raise
        if new:
            secure = "; Secure" if request.isSecure() else ""
            path = b"/".join([b"", *request.prepath]).decode("ascii", "replace")
            cookie = f"{COOKIE}={visit.token}; Path={path}; HttpOnly; SameSite=Strict{secure}"
            request.responseHeaders.addRawHeader(b"Set-Cookie", cookie.encode())
        return made

    # What members ask for.

    async def _obey(self, visit: Visit, command: ask.Command) -> dict[str, Any]:
        done: Deferred[Answer] = Deferred()
        self.visits.obey(visit, command, done.callback)
        answer = await done
        if isinstance(answer, Refusal):
            raise answer
        return codec.answered(answer)

    async def _show(self, visit: Visit, name: bytes, query: dict[str, str]) -> dict[str, Any]:
        shown = self._shown.get(name)
        if shown is None:
            raise Refusal(Code.UNKNOWN, "no such page")
        member = _member(visit)
        found = shown(visit, member, query)
        if isinstance(found, dict):
            self.visits.touch(visit)
            return found
        if isinstance(found, Deferred):
            self.visits.touch(visit)
            events: list[Event] = await found
            return {"events": [codec.event(each) for each in events]}
        return await self._obey(visit, found)

    def _state(self, visit: Visit, member: Member[Outlet], query: dict[str, str]) -> Any:
        history = self._post.history
        return {
            "name": member.name,
            "account": member.account,
            "kept": "" if history is None else history.kept or "ever",
            "rooms": [
                {
                    "room": room.name,
                    "members": [
                        {"name": each.name, "role": room.role(each).word}
                        for each in self._post.hub.seen(room, member)
                    ],
                    "topic": room.topic.text if room.topic else "",
                }
                for room in member.rooms.values()
            ],
        }

    def _history(self, visit: Visit, member: Member[Outlet], query: dict[str, str]) -> Any:
        of = of_room(self._post.hub.inside(member, query.get("room", "")).name)
        n = number_of(query.get("n", "50"))
        before, after = (id_in(query, side) for side in ("before", "after"))
        history = self._kept()
        if after is not None:
            return history.between(of, after, before or 1 << 62, n)
        return history.latest(of, n) if before is None else history.before(of, before, n)

    async def _mark(self, visit: Visit, fields: dict[str, str]) -> dict[str, Any]:
        member = _member(visit)
        of = of_room(self._post.hub.inside(member, fields.get("room", "")).name)
        if not member.account:
            raise Refusal(Code.FORBIDDEN, "only accounts have marks: LOGIN", Why.ACCOUNTS_ONLY)
        self.visits.touch(visit)
        marked = await self._kept().mark_read(member.account, of, id_in(fields, "id") or 0)
        return {"done": "read", "id": shown_id(marked)}

    def _kept(self) -> History:
        if self._post.history is None:
            raise Refusal(Code.UNAVAILABLE, "no history is kept", Why.UNREACHABLE)
        return self._post.history

    def _listen(self, visit: Visit, request: Any) -> Any:
        if request.method != b"GET":
            raise Refusal(Code.BAD, "events are listened to by GET")
        last = request.getHeader(b"Last-Event-ID") or b""
        self.visits.listen(visit, request, last.decode("ascii", "replace"))
        return NOT_DONE_YET


def _member(visit: Visit) -> Member[Outlet]:
    if visit.seat.member is None:
        raise Refusal(Code.NAMELESS, "choose a name first", Why.NAMELESS)
    return visit.seat.member
