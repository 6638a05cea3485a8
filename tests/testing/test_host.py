"""Machines and their programs: killed, unplugged, restarted, stalled, stopped."""

from typing import Any

import pytest
from twisted.application.internet import ClientService
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory

from tests.testing.parties import Party, Shouts, call, serve
from twisted_net.testing import Host, SimNetwork


def pair() -> SimNetwork:
    """Return a network with an echo server that boots and a client."""
    net = SimNetwork()
    net.host("server", boot=serve)
    net.host("client")
    return net


def test_a_boot_function_runs_at_the_start_and_at_each_restart() -> None:
    """It sees the host; what it wrote to the disk is there the next time."""

    def boot(host: Host) -> None:
        host.disk["starts"] = host.disk.get("starts", 0) + 1

    net = SimNetwork()
    host = net.host("server", boot=boot)
    net.at(5, host.kill)
    net.at(6, host.restart)
    net.at(7, host.power_off)
    net.at(8, host.restart)
    net.at(9, host.restart)
    net.run_for(10)
    assert host.disk == {"starts": 4}


def test_a_boot_function_may_be_a_coroutine() -> None:
    """It goes on as long as it likes."""

    async def boot(host: Host) -> None:
        await host.network.sleep(2)
        host.disk["done"] = host.network.seconds()

    net = SimNetwork()
    host = net.host("server", boot=boot)
    net.run_for(5)
    assert host.disk == {"done": 2.0}


@pytest.mark.logs("ZeroDivisionError")
def test_a_boot_function_that_fails_fails_the_run() -> None:
    """A program that cannot start is not overlooked."""

    async def boot(host: Host) -> None:
        raise ZeroDivisionError

    net = SimNetwork()
    net.host("server", boot=boot)
    net.host("other", boot=lambda host: 1 // 0)
    with pytest.raises(AssertionError, match="2 failures were logged"):
        net.run_for(1)


def test_a_killed_program_runs_no_more_but_its_kernel_closes() -> None:
    """Timers are gone, the peer sees the end, and new calls are refused."""
    net = pair()
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(net.seconds())
        net["server"].reactor.callLater(1, tick)

    net.run_for(0.1)
    tick()
    party = net.run(call(net["client"], "server", Party(b"hello")))
    net.at(3, net["server"].kill)
    assert net.run(party.lost) is error.ConnectionDone
    assert len(ticks) == 3
    with pytest.raises(error.ConnectionRefusedError):
        net.run(call(net["client"], "server", Party()))
    assert not net["server"].up


def test_a_machine_without_power_is_silent() -> None:
    """Nothing answers, neither the program nor the kernel."""
    net = pair()
    party = net.run(call(net["client"], "server", Party()))
    net["server"].power_off()
    party.transport.write(b"hello?")
    net.run_for(900)
    before = party.lost.called
    net.run_for(100)
    assert (before, party.lost.called) == (False, True)
    assert "off" in net.netstat()


def test_what_a_dead_program_still_holds_is_harmless() -> None:
    """A test may hold on to a transport or a reactor of a former life."""
    net = pair()
    party = net.run(call(net["client"], "server", Party()))
    reactor = net["client"].reactor
    net["client"].kill()
    party.transport.write(b"from beyond")
    reactor.callLater(1, pytest.fail, "a dead program runs")
    reactor.callFromThread(pytest.fail, "a dead program runs")
    net["client"].restart()
    net.run_for(5)
    assert reactor is not net["client"].reactor


def test_a_client_service_finds_its_way_back() -> None:
    """Connected at once, and again soon after the server is back."""
    net = pair()
    connected: list[float] = []

    class Remembering(Party):
        def connectionMade(self) -> None:
            connected.append(net.seconds())

    def boot(host: Host) -> None:
        endpoint = HostnameEndpoint(host.reactor, "server", 7)
        factory: Any = Factory.forProtocol(Remembering)
        ClientService(endpoint, factory, lambda attempt: 1.0, clock=host.reactor).startService()

    net.host("bot", boot=boot)
    net.at(5, net["server"].kill)
    net.at(8, net["server"].restart)
    net.run_for(20)
    assert connected == [pytest.approx(0.003, abs=0.01), pytest.approx(8.5, abs=0.6)]


def test_a_stalled_program_gets_everything_when_it_wakes() -> None:
    """The kernel goes on meanwhile, as far as its buffers reach."""
    net = SimNetwork()
    made: list[Party] = []

    class Remembered(Party):
        def connectionMade(self) -> None:
            made.append(self)

    net.host("server", boot=lambda host: serve(host, Remembered))
    net.host("client")
    party: Any = net.run(call(net["client"], "server", Party()))
    net.run_for(0.1)
    net["server"].stall(5)
    ticks: list[float] = []
    net["server"].reactor.callLater(1, lambda: ticks.append(net.seconds()))
    party.transport.write(b"x" * 200_000)
    net.run_for(4)
    assert made[0].heard == []
    assert "65536" in net.netstat()
    net.run_for(4)
    assert len(made[0].text) == 200_000
    assert ticks == [pytest.approx(5.1, abs=0.01)]


def test_a_shutdown_fires_the_triggers_and_waits_for_them() -> None:
    """As SIGTERM does: a trigger may take its time before the sockets are closed."""
    net = pair()
    events: list[tuple[str, float]] = []

    def stop() -> Deferred[None]:
        events.append(("stopping", net.seconds()))
        return net.sleep(2).addCallback(lambda _: events.append(("stopped", net.seconds())))

    net.run_for(1)
    net["server"].reactor.addSystemEventTrigger("before", "shutdown", stop)
    party = net.run(call(net["client"], "server", Party()))
    net.at(5, net["server"].shutdown)
    net.run(party.lost)
    assert events == [("stopping", 5.0), ("stopped", 7.0)]
    assert not net["server"].up


def test_code_can_be_run_as_a_hosts_own() -> None:
    """The global reactor is that host's meanwhile, when the network runs."""
    net = pair()

    async def main() -> Any:
        def own() -> Any:
            from twisted.internet import reactor

            return vars(reactor)["home"].host.name

        return net["client"].run(own), net["server"].run(own)

    assert net.run(main) == ("client", "server")


def test_datagrams_to_a_killed_program_are_refused_and_to_a_dead_machine_lost() -> None:
    """The kernel of a killed program still says that nobody is there."""
    net = SimNetwork()
    net.host("server")
    net.host("client")
    client = Shouts()
    net["client"].reactor.listenUDP(0, client)
    client.transport.connect("10.0.0.1", 9)
    client.transport.write(b"hello?")
    net.run_for(1)
    refused = client.refusals
    net["server"].power_off()
    client.transport.write(b"hello?")
    net.run_for(1)
    assert (refused, client.refusals) == (1, 1)


def test_a_timer_cancelled_during_a_stall_leaves_the_network_in_its_senses() -> None:
    """Two are due while the program is stalled, and the first cancels the second."""
    net = SimNetwork()
    host = net.host("server")
    fired: list[str] = []
    second = host.reactor.callLater(1.5, fired.append, "second")
    host.reactor.callLater(1, second.cancel)
    host.reactor.callLater(20, fired.append, "last")
    net.at(0.5, host.stall, 5)
    net.settle()
    assert fired == ["last"]


def test_a_program_killed_during_a_stall_leaves_the_network_in_its_senses() -> None:
    """What was due meanwhile never happens, and the rest of the network goes on."""
    net = SimNetwork()
    host, other = net.host("server"), net.host("other")
    fired: list[str] = []
    host.reactor.callLater(1, fired.append, "never")
    other.reactor.callLater(20, fired.append, "last")
    net.at(0.5, host.stall, 5)
    net.at(2, host.kill)
    net.settle()
    assert fired == ["last"]


def test_a_program_may_be_killed_by_what_it_hears() -> None:
    """Nothing it was about to do happens any more: no read of the next datagram, no failure."""
    net = SimNetwork()
    host, client = net.host("server"), net.host("client")
    heard: list[bytes] = []

    class Fatal(Shouts):
        def datagramReceived(self, datagram: bytes, addr: Any) -> None:
            heard.append(datagram)
            host.kill()

    shouts = Shouts()
    host.reactor.listenUDP(7, Fatal())
    client.reactor.listenUDP(0, shouts)
    for word in (b"one", b"two"):
        shouts.transport.write(word, (host.ip, 7))
    net.run_for(1)
    assert heard == [b"one"]
