"""`ChatResource`: the chat as a resource of ``twisted.web``, to be mounted in any site.

A request is one line of a table: what it is called, how it is asked for, who answers. A browser is
known by its cookie, which no script can read and no other site's page can send; what else keeps
strangers' pages out is the web door's (`twisted_net.web.core`).
"""

from collections.abc import Callable, Coroutine
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from twisted_net.chat.accounts.private import host_of
from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec import web as codec
from twisted_net.chat.codec.events import Event, read_id, shown_id
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import refuse_controls
from twisted_net.chat.core.hub import Member
from twisted_net.chat.core.ident import hidden_host
from twisted_net.chat.doors.outlet import QUEUE, Outlet
from twisted_net.chat.doors.web.stream import WebOutlet
from twisted_net.chat.doors.web.visits import Visit, Visits
from twisted_net.chat.login import Login
from twisted_net.chat.post import Post
from twisted_net.chat.seat import Answer, Seat
from twisted_net.chat.store.base import History, of_room
from twisted_net.net.counters import DoorCounters
from twisted_net.net.drops import Drops
from twisted_net.net.pages import DOOR, said

COOKIE = "netdemo-chat"

#: Events in one answer.
PAGE = 100

_STATIC = Path(__file__).with_name("static")

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
            return _redirect(request)
        name = b"/".join(request.postpath)
        if name in _FILES:
            file, kind = _FILES[name]
            request.setHeader(b"Content-Type", kind)
            request.setHeader(b"Cache-Control", b"no-cache")
            return _static(file)
        try:
            visit = self.visits.find(_token(request))
            if name == b"events":
                return self._listen(visit, request)
            return self._answer(request, self._show(visit, name, _query(request)))
        except Refusal as refusal:
            return _refuse(request, refusal)

    def render_POST(self, request: Any) -> Any:
        """Do what somebody asks for."""
        name = b"/".join(request.postpath)
        try:
            verb = name.decode("ascii", "replace")
            body = request.content.read()
            if verb == "read":
                visit = self.visits.find(_token(request))
                return self._answer(request, self._mark(visit, codec.object_in(body)))
            command, fields = codec.asked(verb, body)
            if verb == "enter":
                return self._answer(request, self._enter(request, command, fields))
            visit = self.visits.find(_token(request))
            if verb == "leave":
                self.visits.end(visit, fields.get("why") or "quit")
                return _answered(request, {"done": "quit"})
            return self._answer(request, self._obey(visit, command))
        except Refusal as refusal:
            return _refuse(request, refusal)

    # Entering.

    def _seat(self, outlet: WebOutlet, transport: Any) -> Seat[Outlet]:
        host = hidden_host(host_of(transport), self._secret)
        login = Login.over(self._post.accounts, transport)
        return Seat(self._post, outlet, "web", host, 0, login)

    async def _enter(
        self, request: Any, command: ask.Command, fields: dict[str, str]
    ) -> dict[str, Any]:
        try:
            visit = self.visits.find(_token(request))
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
        n = _number(query.get("n", "50"))
        before, after = (_id(query, side) for side in ("before", "after"))
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
        marked = await self._kept().mark_read(member.account, of, _id(fields, "id") or 0)
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

    # Answering.

    def _answer(self, request: Any, answering: Coroutine[Any, Any, dict[str, Any]]) -> Any:
        """Answer when it is known, unless nobody waits for it any more."""
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)

        def refuse(failure: Failure) -> bytes:
            failure.trap(Refusal)
            return _refuse(request, failure.value)

        def finish(body: bytes) -> None:
            if not gone:
                request.setHeader(b"Content-Length", b"%d" % len(body))
                request.write(b"" if request.method == b"HEAD" else body)
                request.finish()

        def broke(failure: Failure) -> None:
            if not gone:
                request.processingFailed(failure)

        asked = Deferred.fromCoroutine(answering)
        done = asked.addCallbacks(lambda made: _answered(request, made), refuse)
        done.addCallback(finish).addErrback(broke)
        return NOT_DONE_YET


def _member(visit: Visit) -> Member[Outlet]:
    if visit.seat.member is None:
        raise Refusal(Code.NAMELESS, "choose a name first", Why.NAMELESS)
    return visit.seat.member


def _redirect(request: Any) -> bytes:
    """Lead to the same with a slash behind it, so that what the page names is found."""
    request.setHeader(b"Location", b"/".join([b"", *request.prepath, b""]))
    return said(request, 301, "the page ends in a slash")


def _answered(request: Any, made: dict[str, Any]) -> bytes:
    request.setHeader(b"Content-Type", b"application/json")
    request.setHeader(b"Cache-Control", b"no-store")
    return codec.dumped(made) + b"\n"


def _refuse(request: Any, refusal: Any) -> bytes:
    said(request, int(refusal.code), refusal.text)
    if refusal.code is Code.SLOW:
        request.setHeader(b"Retry-After", b"1")
    return _answered(request, codec.refused(refusal))


def _token(request: Any) -> str:
    try:
        cookies = SimpleCookie((request.getHeader(b"Cookie") or b"").decode("latin-1"))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def _query(request: Any) -> dict[str, str]:
    _, _, query = request.uri.partition(b"?")
    try:
        pairs = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=10)
    except ValueError:
        raise Refusal(Code.BAD, "not a query") from None
    refuse_controls("".join(map("".join, pairs)))
    return dict(pairs)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= PAGE):
        raise Refusal(Code.BAD, f"n: 1-{PAGE}")
    return int(text)


def _id(fields: dict[str, str], name: str) -> int | None:
    if name not in fields:
        return None
    found = read_id(fields[name])
    if found is None:
        raise Refusal(Code.BAD, f"{name}: need an id, as 1767225600123-4")
    return found


@cache
def _static(name: str) -> bytes:
    return (_STATIC / name).read_bytes()
