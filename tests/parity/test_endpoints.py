"""Endpoints and services, told alike by both worlds."""

from typing import Any

from twisted.application.internet import ClientService, StreamServerEndpointService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    clientFromString,
    connectProtocol,
    serverFromString,
)
from twisted.internet.protocol import Factory, Protocol

from tests.parity.parties import Fixed, Party, Served, part, serve
from tests.parity.story import Story, Told, tells
from twisted_net.testing.worlds import World


def echo(party: Party) -> None:
    """Send back what was just heard."""
    party.transport.write(bytes(party.heard))
    party.heard.clear()


async def asked(endpoint: Any, served: Served, server: Party) -> Told:
    """Return the story of an echo over an endpoint."""
    story = Story()
    client = Party(story, "client")
    await connectProtocol(endpoint, client)
    client.transport.write(b"hello")
    await client.hears(5)
    client.transport.loseConnection()
    await part(served, client, server)
    return story.told()


ECHOED = {"client": ["made", b"hello", "lost: ConnectionDone"]}


@tells(ECHOED)
async def test_a_host_is_found_by_its_name(world: World) -> Told:
    """By the endpoint that most programs use."""
    server = Party(Story(), "server", hears=echo)
    served = serve(world, Fixed(server))
    endpoint = HostnameEndpoint(world.host("client").reactor, "server", served.number)
    return await asked(endpoint, served, server)


@tells("DNSLookupError")
async def test_a_name_that_nobody_has_is_an_error(world: World) -> str:
    """Of its own kind."""
    endpoint = HostnameEndpoint(world.host("client").reactor, "nobody", 7)
    try:
        await connectProtocol(endpoint, Protocol())
    except OSError as error:
        return type(error).__name__
    return "found"


@tells(ECHOED)
async def test_endpoints_can_be_described_in_a_line(world: World) -> Told:
    """On either side."""
    server = Party(Story(), "server", hears=echo)
    here = world.host("server")
    described = serverFromString(here.reactor, f"tcp:0:interface={here.ip}")
    served = Served(await described.listen(Fixed(server)), here.ip)
    line = f"tcp:{here.ip}:{served.number}:timeout=5"
    return await asked(clientFromString(world.host("client").reactor, line), served, server)


@tells(ECHOED)
async def test_a_server_may_be_a_service(world: World) -> Told:
    """That is started, has a port, and is stopped."""
    server = Party(Story(), "server", hears=echo)
    here = world.host("server")
    endpoint = TCP4ServerEndpoint(here.reactor, 0, interface=here.ip)
    service = StreamServerEndpointService(endpoint, Fixed(server))
    service.startService()
    waiting: Any = service._waitingForPort
    served = Served(await _copy(waiting), here.ip)
    there = TCP4ClientEndpoint(world.host("client").reactor, here.ip, served.number)
    told = await asked(there, served, server)
    await service.stopService()
    return told


def _copy(waiting: Deferred[Any]) -> Deferred[Any]:
    """Wait for what somebody else waits for as well."""
    copy: Deferred[Any] = Deferred()

    def tell(result: Any) -> Any:
        copy.callback(result)
        return result

    waiting.addBoth(tell)
    return copy


@tells({"client": ["made", b"first life", "lost: ConnectionDone", "made", b"second life"]})
async def test_a_client_service_finds_its_way_back(world: World) -> Told:
    """When the server has gone and come again on the same port."""
    story = Story()
    here = world.host("server")
    lives = [
        Party(Story(), "server", connected=lambda party: party.transport.write(b"first life")),
        Party(Story(), "server", connected=lambda party: party.transport.write(b"second life")),
    ]
    served = serve(world, Fixed(lives[0]))
    number = served.number
    clients: list[Party] = []

    class Clients(Factory):
        noisy = False

        def buildProtocol(self, addr: object) -> Party:
            clients.append(Party(story, "client"))
            return clients[-1]

    endpoint = TCP4ClientEndpoint(world.host("client").reactor, here.ip, number)
    service = ClientService(
        endpoint,
        Clients(),
        retryPolicy=lambda attempts: 0.05,
        clock=world.host("client").reactor,
    )
    service.startService()
    await story.until(lambda: clients and clients[0].heard)
    await served.port.stopListening()
    lives[0].transport.loseConnection()
    await clients[0].lost()
    await world.sleep(0.1)
    served = serve(world, Fixed(lives[1]), number)
    await story.until(lambda: len(clients) > 1 and clients[1].heard == b"second life")
    told = story.told()
    await service.stopService()
    await part(served, lives[1])
    return told


@tells(["connected", "stopped"])
async def test_a_client_service_tells_when_it_is_connected(world: World) -> list[str]:
    """Even to who asked before."""
    server = Party(Story(), "server")
    served = serve(world, Fixed(server))
    reactor = world.host("client").reactor
    client = Party(Story(), "client")
    endpoint = TCP4ClientEndpoint(reactor, served.ip, served.number)
    service = ClientService(endpoint, Fixed(client), clock=reactor)
    connected = service.whenConnected()
    service.startService()
    assert await connected is not None
    await world.sleep(0)  # the service is still telling us
    await service.stopService()
    await part(served, client, server)
    return ["connected", "stopped"]
