"""One conversation, heard at every door: the same events, ids and order, in both worlds."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.parity.parties import address, serve
from tests.parity.story import Story, tells
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.client import ChatClient, ChatDatagramClient, ChatLineClient
from twisted_net.chat.codec.messages import Event
from twisted_net.chat.codec.requests import Act, Ids, Join, Nick, Part, Say, Tell
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.doors.datagram import ChatDatagramProtocol
from twisted_net.chat.doors.line import ChatLineFactory
from twisted_net.chat.doors.outlet import Outlet, deliver
from twisted_net.chat.post import Post
from twisted_net.net.clients import Target
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
]


class Listener:
    """Somebody who notes each event that they hear."""

    def __init__(self, story: Story, name: str, make: Callable[..., ChatClient]) -> None:
        self.events: list[Event] = []
        self._story = story
        self._name = name
        self.client = make(self._note)

    def _note(self, heard: object) -> None:
        if isinstance(heard, Event) and heard.sender not in ("lines", "datagrams"):
            self.events.append(heard)
            self._story.look()

    def shown(self) -> list[str]:
        """Return the events but for their ids; a listener's own name is not told."""
        return [
            f"{event.kind.name.lower()} {'listener' if event.private else event.where} "
            f"{event.sender} {event.text}".rstrip()
            for event in self.events
        ]


@tells([HEARD, HEARD, True, True])
async def test_every_door_hears_the_same_conversation(world: World) -> list[Any]:
    """Two talk, over lines and over datagrams; one listens at each door."""
    server, client = world.host("server"), world.host("client")
    reactor = server.reactor
    post: Post[Outlet] = Post(Hub("lobby"), LocalBus(reactor.seconds), deliver)
    lines = serve(world, ChatLineFactory(post, reactor))
    door = ChatDatagramProtocol(post, reactor, Random(1))  # noqa: S311
    port = reactor.listenUDP(0, door, server.ip)

    def on_lines(heard: Callable[[object], None]) -> ChatClient:
        return ChatLineClient(client.reactor, Target("tcp", lines.ip, lines.number), heard)

    def on_datagrams(heard: Callable[[object], None]) -> ChatClient:
        dice = Random(2)  # noqa: S311
        return ChatDatagramClient(client.reactor, Target("udp", *address(port)), heard, dice=dice)

    story = Story()
    listeners = [Listener(story, "lines", on_lines), Listener(story, "datagrams", on_datagrams)]
    for listener, name in zip(listeners, ("lines", "datagrams"), strict=True):
        await listener.client.enter(name)
    await listeners[0].client.request(Ids(True))
    red, blue = on_lines(lambda heard: None), on_datagrams(lambda heard: None)
    await red.enter("red")
    await blue.enter("blue")
    await red.request(Say("lobby", "hello"))
    await blue.request(Say("lobby", "hello, red"))
    await red.request(Act("waves"))
    await red.request(Join("den"))
    await red.request(Part("den"))
    await red.request(Nick("green"))
    for name in ("lines", "datagrams"):
        await red.request(Tell(name, "psst"))
    await red.request(Say("lobby", "it is me"))
    await blue.request(Part("lobby"))
    await red.leave()
    await story.until(lambda: all(len(each.events) == len(HEARD) for each in listeners))
    for each in (blue, *(listener.client for listener in listeners)):
        await each.leave()
    await lines.port.stopListening()
    await port.stopListening()
    ids = [[event.id for event in each.events if not event.private] for each in listeners]
    return [*(each.shown() for each in listeners), ids[0] == ids[1], ids[0] == sorted(ids[0])]
