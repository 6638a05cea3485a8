"""Let other programs say something: ``POST /hook/ROOM`` with a bearer token (RFC 6750, 2.1)."""

import hmac
import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from twisted_net.chat.accounts.penalties import Penalties
from twisted_net.chat.accounts.private import host_of
from twisted_net.chat.codec import web as codec
from twisted_net.chat.codec.events import Event, shown_id
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import MAX_TEXT, refuse_controls
from twisted_net.chat.core.ident import folded
from twisted_net.chat.hooks.bots import Bot
from twisted_net.net.drops import Drops
from twisted_net.net.pages import said

#: Bytes of a request, and lines that are said of it.
MOST, LINES = 8192, 10


class HookResource(Resource):
    """Where other programs post what is to be said.

    :param guesses: wrong passwords by address: a wrong token is one more.
    :ivar bears_token: a request proves by its token that it is meant: no form could send it.
    """

    isLeaf = True
    bears_token = True

    def __init__(
        self, bots: Sequence[Bot], reactor: Any, drops: Drops, guesses: Penalties | None = None
    ) -> None:
        super().__init__()
        self._bots = {folded(bot.hook.room): bot for bot in bots if bot.hook.token}
        self._reactor = reactor
        self._drops = drops
        self._guesses = guesses if guesses is not None else Penalties()

    def render_POST(self, request: Any) -> Any:
        """Say what is posted."""
        try:
            bot = self._bot(request)
            body = request.content.read(MOST + 1)
            bot_lines = lines_of(body, request.getHeader(b"Content-Type") or b"")
            outcomes: list[Deferred[Any]] = []

            def answered(outcome: Any) -> None:
                waiting = next(each for each in outcomes if not each.called)
                waiting.callback(outcome)

            outcomes += [Deferred() for _ in bot_lines]
            bot.say(bot_lines, answered)
        except Refusal as refusal:
            return _answer(request, refusal)
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        done = gatherResults(outcomes)

        def finish(found: list[Any]) -> None:
            if not gone:
                request.write(_answer(request, *found))
                request.finish()

        done.addCallback(finish)
        return NOT_DONE_YET

    def _bot(self, request: Any) -> Bot:
        """Return the bot of a room, to who has its token.

        :raises Refusal: the token is another one, or this address has tried too many.
        """
        host, now = host_of(request.transport), self._reactor.seconds()
        wait = self._guesses.wait(host, now)
        if wait > 0:
            raise Refusal(Code.SLOW, f"too many wrong tokens: wait {int(wait) + 1} s", Why.SLOW)
        room = b"/".join(request.postpath).decode(errors="replace")
        bot = self._bots.get(folded(room))
        scheme, _, token = (request.getHeader(b"Authorization") or b"").partition(b" ")
        expected = bot.hook.token.encode() if bot is not None else b""
        right = hmac.compare_digest(token.strip(), expected)
        if bot is None or not right or scheme.lower() != b"bearer":
            self._guesses.take(host, now)
            self._drops.drop("wrong_token", host)
            raise Refusal(Code.NAMELESS, "no such room, or another token", Why.WRONG_PASSWORD)
        return bot


def lines_of(body: bytes, kind: bytes) -> list[str]:
    """Return the lines that a request says: of its ``text``, or of all if it is plain text.

    :raises Refusal: there are none, too many, or too long ones.
    """
    if len(body) > MOST:
        raise Refusal(Code.TOO_LONG, f"a message has at most {MOST} bytes", Why.TOO_LONG)
    try:
        text: Any = body.decode()
        if kind.partition(b";")[0].strip().lower() == b"application/json":
            found = json.loads(text)
            text = found.get("text") if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        raise Refusal(Code.BAD, "not UTF-8, or not JSON", Why.NOT_TEXT) from None
    if not isinstance(text, str):
        raise Refusal(Code.BAD, 'need {"text": "…"}', Why.NOT_TEXT)
    lines = [line.expandtabs().strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        refuse_controls(line)
    if not 1 <= len(lines) <= LINES or any(len(line.encode()) > MAX_TEXT for line in lines):
        raise Refusal(
            Code.INVALID, f"need 1-{LINES} lines of at most {MAX_TEXT} bytes", Why.BAD_TEXT
        )
    return lines


def _answer(request: Any, *outcomes: Event | Refusal | None) -> bytes:
    """Return the ids of what was said, or the first refusal."""
    refusal = next((each for each in outcomes if isinstance(each, Refusal)), None)
    if refusal is not None:
        said(request, int(refusal.code), refusal.text)
        made = codec.refused(refusal)
    else:
        made = {"ids": [shown_id(each.id) for each in outcomes if isinstance(each, Event)]}
    request.setHeader(b"Content-Type", b"application/json")
    return codec.dumped(made) + b"\n"
