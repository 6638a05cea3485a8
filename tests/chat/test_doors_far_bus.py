"""Doors over a bus that takes its time, as one to other nodes does."""

from tests.chat.chats import Far
from tests.chat.members import Server
from twisted_net.chat.codec.messages import Done, Refused, Say
from twisted_net.chat.doors.stream import NAME_WITHIN


def far() -> tuple[Server, Far]:
    """Return a server, and its bus."""
    bus = Far(1767225600.0)
    return Server(bus=bus), bus


def test_a_line_waits_until_the_one_before_is_answered() -> None:
    """It is not even read; and nothing is lost."""
    server, bus = far()
    red = server.on_line()
    red.hears()
    assert red.says("NICK red", "hello", "WHO", "JOIN den") == []
    assert len(bus.drafts) == 1
    assert red.transport.producerState == "paused"
    bus.arrives()
    assert red.hears() == []
    bus.arrives()
    assert red.hears() == ["OK NICK red", "OK JOIN lobby 1"]
    bus.arrives()
    assert red.hears() == ["MEMBER lobby red operator tcp 0", "OK WHO 1"]
    bus.all_arrive()
    assert red.hears() == ["OK JOIN den 1"]
    assert red.transport.producerState == "producing"


def test_what_other_nodes_cannot_hear_is_said_nowhere() -> None:
    """The member is told, and stays."""
    server, bus = far()
    red, blue = server.on_line("red"), server.on_line("blue")
    bus.all_arrive()
    red.hears()
    blue.hears()
    red.says("hello")
    bus.refuses_all()
    assert red.hears() == ["ERR 503 other nodes unreachable"]
    red.says("SAY lobby hello")
    bus.all_arrive()
    assert red.hears()[0].startswith("OK SAY lobby ")
    assert blue.hears() == ["SAID lobby red hello"]


def test_a_half_close_waits_for_what_is_on_its_way() -> None:
    """Then the rest is said, and the connection closes."""
    server, bus = far()
    blue, red = server.on_line("blue"), server.on_line()
    bus.all_arrive()
    blue.hears()
    red.sends(b"NICK red\nhello\nbye")
    red.protocol.readConnectionLost()
    assert server.hub.known("red") is None
    bus.all_arrive()
    assert red.transport.disconnecting
    assert blue.hears() == [
        "JOINED lobby red",
        "SAID lobby red hello",
        "SAID lobby red bye",
        "LEFT red hung up",
    ]


def test_a_connection_that_is_lost_while_entering_leaves_nobody() -> None:
    """However late the bus is."""
    server, bus = far()
    red = server.on_line("red")
    red.protocol.connectionLost()
    bus.all_arrive()
    assert len(server.hub) == 0
    assert server.hub.free("red") == "red"
    blue = server.on_line("blue")
    bus.all_arrive()
    blue.says("hello")
    blue.protocol.connectionLost()
    bus.all_arrive()
    assert len(server.hub) == 0
    server.clock.advance(0)
    assert server.clock.getDelayedCalls() == []


def test_whoever_waits_too_long_for_a_name_gives_it_up() -> None:
    """It is on its way, and of no use any more."""
    server, bus = far()
    red = server.on_line("red")
    server.clock.advance(NAME_WITHIN)
    assert red.hears()[-1] == "ERR 408 no name within 60 s"
    red.protocol.connectionLost()
    bus.all_arrive()
    assert len(server.hub) == 0
    assert server.hub.free("red") == "red"


def test_a_request_over_datagrams_is_answered_when_it_is_done() -> None:
    """Or refused."""
    server, bus = far()
    udp = server.on_datagrams("udp")
    bus.all_arrive()
    udp.hears()
    assert udp.asks(Say("lobby", "hello")) == []
    bus.all_arrive()
    (said,) = udp.hears()
    assert isinstance(said, Done)
    assert said.about.startswith("lobby ")
    assert udp.asks(Say("lobby", "hello")) == []
    bus.refuses_all()
    assert udp.hears() == [Refused(503, "other nodes unreachable")]
