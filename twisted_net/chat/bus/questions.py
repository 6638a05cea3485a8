"""What a node asks of the broker beside its part in the order of events: names, history, nodes."""

from collections.abc import Sequence
from typing import Any

from twisted_net.chat.bus import scripts
from twisted_net.chat.bus.backlog import unreachable
from twisted_net.chat.bus.link import BrokenLinkError, Link
from twisted_net.chat.bus.terms import Timing, milliseconds, number_of, stream_id

#: What every key begins with; the braces keep the keys of one chat on one node of a cluster.
PREFIX = "{netdemo}"

#: Names whose leases are renewed in one go.
_SOME = 500

_SCRIPTS = (
    scripts.JOIN,
    scripts.RENEW,
    scripts.REAP,
    scripts.LEAVE,
    scripts.PUBLISH,
    scripts.RESUME,
    scripts.SNAPSHOT,
    scripts.CLAIM,
    scripts.CLAIM_ALL,
    scripts.RELEASE,
    scripts.REDACT,
    scripts.MOVE,
)

Said = list[tuple[int, bytes]]


class Questions:
    """Questions over the link that there is; without one, all of them are refused.

    :ivar link: the link, once the broker knows our scripts and us.
    """

    def __init__(self, prefix: str, timing: Timing) -> None:
        self.link: Link | None = None
        self._prefix = prefix
        self._timing = timing
        self._hashes: dict[str, str] = {}

    def key(self, name: str) -> str:
        """Return a key as the broker has it."""
        return f"{self._prefix}:{name}"

    async def load(self, link: Link) -> None:
        """Tell the broker our scripts.

        :raises BrokenLinkError: it takes none.
        """
        for script in _SCRIPTS:
            told = await link.call("SCRIPT", "LOAD", script)
            self._hashes[script] = told.decode()

    def words(self, script: str, *arguments: str | bytes | int) -> tuple[str | bytes | int, ...]:
        """Return the command that runs a script."""
        return ("EVALSHA", self._hashes.get(script, ""), 1, self._prefix, *arguments)

    async def run(self, link: Link, script: str, *arguments: str | bytes | int) -> Any:
        """Run a script over a link; return its answer.

        :raises BrokenLinkError: there was none.
        """
        return await link.call(*self.words(script, *arguments))

    async def claim(self, name: str, owner: str) -> bool:
        """Claim a name, or renew the claim; say whether it is the owner's now.

        :raises Refusal: the broker cannot be reached.
        """
        lease = milliseconds(self._timing.nick)
        return bool(await self._call(*self.words(scripts.CLAIM, name, owner, lease)))

    async def renew_names(self, held: Sequence[tuple[str, str]]) -> None:
        """Renew the leases of names, each with its owner.

        :raises Refusal: the broker cannot be reached.
        """
        lease = milliseconds(self._timing.nick)
        for start in range(0, len(held), _SOME):
            some = [word for pair in held[start : start + _SOME] for word in pair]
            await self._call(*self.words(scripts.CLAIM_ALL, lease, *some))

    async def release(self, name: str, owner: str) -> None:
        """Give a name back, if it is the owner's.

        :raises Refusal: the broker cannot be reached.
        """
        await self._call(*self.words(scripts.RELEASE, name, owner))

    async def redact(self, room: str, number: int, by: str) -> None:
        """Take a text out of the broker's history, and off the bus.

        :param room: in which it was said; for what ``by`` said in private, to whom.

        :raises Refusal: the broker cannot be reached.
        """
        await self._call(*self.words(scripts.REDACT, room, stream_id(number), by))

    async def move(self, room: str, to: str, number: int) -> None:
        """Let a room's history, as far as it is from before an id, go on under another name.

        :raises Refusal: the broker cannot be reached.
        """
        await self._call(*self.words(scripts.MOVE, room, to, stream_id(number)))

    async def nodes(self) -> list[str]:
        """Return the nodes that take part, as ``node.epoch``.

        :raises Refusal: the broker cannot be reached.
        """
        words = [each.decode() for each in await self._call("HGETALL", self.key("nodes"))]
        return [f"{node}.{epoch}" for node, epoch in zip(words[::2], words[1::2], strict=True)]

    async def history(
        self, room: str, before: int | None = None, after: int | None = None, n: int = 100
    ) -> Said:
        """Return what was published with a room, ids and drafts, oldest first.

        :param before: below this id; without ``after``, those next to it.
        :param after: above this id.
        :param n: so many at most.
        :raises Refusal: the broker cannot be reached.
        """
        above = "-" if after is None else f"({stream_id(after)}"
        below = "+" if before is None else f"({stream_id(before)}"
        key = self.key(f"hist:{room}")
        if after is None:
            return _page(await self._call("XREVRANGE", key, below, above, "COUNT", n))[::-1]
        return _page(await self._call("XRANGE", key, above, below, "COUNT", n))

    async def latest(self, link: Link, room: str, n: int) -> Said:
        """Return the last that was published with a room, over a link, oldest first.

        :raises BrokenLinkError: there was no answer.
        """
        key = self.key(f"hist:{room}")
        return _page(await link.call("XREVRANGE", key, "+", "-", "COUNT", n))[::-1]

    async def _call(self, *words: str | bytes | int) -> Any:
        if self.link is None:
            raise unreachable()
        try:
            return await self.link.call(*words)
        except BrokenLinkError as error:
            raise unreachable() from error


def _page(told: list[Any]) -> Said:
    return [(number_of(id), fields[1]) for id, fields in told]
