"""One conversation, heard at every door: the same events, ids and order, in both worlds."""

import re
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.protocol import Protocol

from tests.parity.parties import address, call, serve
from tests.parity.story import Story, tells
from twisted_net.chat import ChatService, ChatSettings
from twisted_net.chat.client import ChatClient, ChatDatagramClient, ChatLineClient
from twisted_net.chat.codec.events import Event, read_id
from twisted_net.chat.codec.requests import Act, Ids, Join, Nick, Part, Say, Tell
from twisted_net.net.clients import Target
from twisted_net.net.framing import LineReader
from twisted_net.net.service import Runtime
from twisted_net.testing.worlds import World

#: What those who only listen hear, by their first words; what each says is heard by the others.
HEARD = [
    "joined lobby red",
    "joined lobby blue",
    "said lobby red hello",
    "said lobby blue hello, red",
    "acted lobby red waves",
    "renamed  red green",
    "told listener green psst",
    "said lobby green it is me",
    "parted lobby blue",
    "left  green quit",
    "joined lobby pink",
    "said lobby pink one message",
    "said lobby pink of two lines",
]

#: What pink says, who speaks IRC.
POEM = (
    "CAP REQ :batch draft/multiline",
    "NICK pink",
    "USER pink 0 * :Pink",
    "CAP END",
    "JOIN #lobby",
    "BATCH +1 draft/multiline #lobby",
    "@batch=1 PRIVMSG #lobby :one message",
    "@batch=1 PRIVMSG #lobby :",
    "@batch=1 PRIVMSG #lobby :of two lines",
    "BATCH -1",
)


#: Those who only listen; they hear each other come, too, which depends on who came first.
LISTENERS = ("lines", "datagrams", "irc")


class Listener:
    """Somebody who notes each event that they hear.

    :ivar events: an id, 0 where the door does not tell it, and what is told here.
    """

    def __init__(self, story: Story) -> None:
        self.events: list[tuple[int, str]] = []
        self._story = story

    def heard(self, heard: object) -> None:
        """Note what a client heard."""
        if isinstance(heard, Event) and heard.sender not in LISTENERS:
            where = "listener" if heard.private else heard.where
            self.note(heard.id, heard.kind.name.lower(), where, heard.sender, heard.text)

    def note(self, number: int, *words: str) -> None:
        """Note an event; a listener's own name is not told."""
        self.events.append((number, " ".join(words).rstrip()))
        self._story.look()


_SAID = re.compile(
    r"(?:@(?P<tags>\S+) )?:(?P<name>[^! ]+)!\S+ "
    r"(?P<command>PRIVMSG|NICK|QUIT|JOIN|PART) (?P<rest>.*)"
)
_MSGID = re.compile(r"\bmsgid=([0-9-]+)")


class OnIrc(Protocol):
    """A listener who speaks IRC."""

    transport: Any

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lines = LineReader(10_000)

    def connectionMade(self) -> None:
        """Enter the lobby."""
        lines = ["CAP REQ message-tags", "NICK irc", "USER irc 0 * :I", "CAP END", "JOIN #lobby"]
        self.transport.write("".join(f"{line}\r\n" for line in lines).encode())

    def dataReceived(self, data: bytes) -> None:
        """Note what members did, as the other doors name it."""
        for line in self._lines.feed(data):
            said = _SAID.fullmatch(line.decode())
            if said is not None and said["name"] not in LISTENERS:
                number = _MSGID.search(said["tags"] or "")
                self._note(
                    read_id(number[1]) if number else 0, *said.group("command", "name", "rest")
                )

    def _note(self, number: int | None, command: str, name: str, rest: str) -> None:
        where, _, text = rest.removeprefix("#").partition(" :")
        acted = text.startswith("\x01ACTION ")
        if acted:
            text = text[8:-1]
        words = {
            "PRIVMSG": ("acted" if acted else "said", where, name, text),
            "NICK": ("renamed", "", name, where.removeprefix(":")),
            "QUIT": ("left", "", name, where.removeprefix(":")),
            "JOIN": ("joined", where, name),
            "PART": ("parted", where, name),
        }
        if command == "PRIVMSG" and where == "irc":
            words["PRIVMSG"] = ("told", "listener", name, text)
        self._listener.note(number or 0, *words[command])


class Pink(Protocol):
    """Somebody who says one message of several lines."""

    transport: Any

    def connectionMade(self) -> None:
        """Enter the lobby, and say it."""
        self.transport.write("".join(f"{line}\r\n" for line in POEM).encode())


@tells([HEARD, HEARD, HEARD, True, True, True])
async def test_every_door_hears_the_same_conversation(world: World) -> list[Any]:
    """Two talk, over lines and over datagrams, then one on IRC; one listens at each door."""
    server, client = world.host("server"), world.host("client")
    reactor = server.reactor
    runtime = Runtime(reactor, Random(1))  # noqa: S311
    doors = {each.name: each.serve for each in ChatService().doors(ChatSettings(), runtime)}
    lines, irc = serve(world, doors["chat-tcp"]), serve(world, doors["irc"])
    port = reactor.listenUDP(0, doors["chat-udp"], server.ip)

    def on_lines(heard: Callable[[object], None]) -> ChatClient:
        return ChatLineClient(client.reactor, Target("tcp", lines.ip, lines.number), heard)

    def on_datagrams(heard: Callable[[object], None]) -> ChatClient:
        dice = Random(2)  # noqa: S311
        return ChatDatagramClient(client.reactor, Target("udp", *address(port)), heard, dice=dice)

    story = Story()
    first, second, third = (Listener(story) for _ in LISTENERS)
    over_lines, over_datagrams = on_lines(first.heard), on_datagrams(second.heard)
    over_irc = OnIrc(third)
    await over_lines.enter("lines")
    await over_lines.request(Ids(True))
    await over_datagrams.enter("datagrams")
    await call(world, irc, over_irc)
    red, blue = on_lines(lambda heard: None), on_datagrams(lambda heard: None)
    await red.enter("red")
    await blue.enter("blue")
    await red.request(Say("lobby", "hello"))
    await blue.request(Say("lobby", "hello, red"))
    await red.request(Act("waves"))
    await red.request(Join("den"))
    await red.request(Part("den"))
    await red.request(Nick("green"))
    for name in LISTENERS:
        await red.request(Tell(name, "psst"))
    await red.request(Say("lobby", "it is me"))
    await blue.request(Part("lobby"))
    await red.leave()
    pink = Pink()
    await call(world, irc, pink)
    listeners = (first, second, third)
    await story.until(lambda: all(len(each.events) >= len(HEARD) for each in listeners))
    over_irc.transport.loseConnection()
    for each in (blue, over_lines, over_datagrams):
        await each.leave()
    pink.transport.loseConnection()
    for served in (lines.port, irc.port, port):
        await served.stopListening()
    told = [[text for _, text in each.events] for each in listeners]
    ids = [[id for id, text in each.events if not text.startswith("told")] for each in listeners]
    agree = all(id in (0, other) for id, other in zip(ids[2], ids[0], strict=True))
    return [*told, ids[0] == ids[1], ids[0] == sorted(ids[0]), agree]
