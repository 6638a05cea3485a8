"""What of a reactor is not about sockets: threads, names, life, and what it refuses."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall, cooperate, deferLater
from twisted.internet.threads import deferToThread, deferToThreadPool
from twisted.protocols.basic import FileSender
from twisted.protocols.policies import TimeoutMixin

from tests.testing.parties import Party, call, serve
from twisted_net.testing import SimNetwork


def network() -> SimNetwork:
    """Return a network with a server and a client."""
    net = SimNetwork()
    net.host("server")
    net.host("client")
    return net


def test_work_for_threads_is_done_in_order_by_the_only_thread() -> None:
    """Results and failures come back as from a real pool."""
    net = network()
    reactor = net["client"].reactor
    order: list[int] = []

    def work(number: int) -> int:
        order.append(number)
        return 10 // number

    async def main() -> list[Any]:
        pool = reactor.getThreadPool()
        done = [deferToThreadPool(reactor, pool, work, number) for number in (5, 2)]
        failed = deferToThreadPool(reactor, pool, work, 0)
        with pytest.raises(ZeroDivisionError):
            await failed
        return [await each for each in done]

    assert net.run(main) == [2, 5]
    assert order == [5, 2, 0]


@pytest.mark.logs("ZeroDivisionError")
def test_work_that_fails_unasked_is_logged() -> None:
    """Nobody waits for it, and still it is not lost."""
    net = network()

    async def main() -> int:
        net["client"].reactor.callInThread(lambda: 1 // 0)
        net["client"].reactor.callFromThread(lambda: 1 // 0)
        await net.sleep(1)
        return len(net.flush_errors(ZeroDivisionError))

    assert net.run(main) == 2


def test_what_falls_back_to_the_global_reactor_lives_in_virtual_time() -> None:
    """LoopingCall, deferToThread, TimeoutMixin: none of them was given a reactor."""
    net = network()
    ticks: list[float] = []

    class Impatient(Party, TimeoutMixin):
        def connectionMade(self) -> None:
            self.setTimeout(5)

    async def main() -> Any:
        serve(net["server"])
        looping = LoopingCall(lambda: ticks.append(net.seconds()))
        net["client"].run(looping.start, 100)
        party = await call(net["client"], "server", Impatient())
        await party.lost
        looping.stop()
        return await net["client"].run(deferToThread, lambda: net.seconds())

    assert net.run(main) == pytest.approx(5.003)
    assert ticks == [0]


def test_the_global_reactor_is_given_back() -> None:
    """It is what it was, after a run that failed too."""
    from twisted.internet import reactor

    before = reactor.__class__, vars(reactor)
    with pytest.raises(ValueError, match="mine"):
        network().run(_fail)
    assert (reactor.__class__, vars(reactor)) == before


def _fail() -> None:
    raise ValueError("mine")


def test_cooperative_tasks_take_a_step_at_a_time() -> None:
    """The amount of work does not depend on how fast the machine is."""
    net = network()

    async def main() -> list[int]:
        steps: list[int] = []

        def work() -> Iterator[None]:
            for number in range(100):
                steps.append(number)
                yield

        task = net["client"].run(cooperate, work())
        await net.sleep(0.00505)
        task.stop()
        return steps

    assert net.run(main) == list(range(50))


def test_files_are_sent_by_a_producer(tmp_path: Any) -> None:
    """FileSender, a pull producer, fills the connection as it empties."""
    net = network()
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    made: list[Party] = []

    class Remembered(Party):
        def connectionMade(self) -> None:
            made.append(self)

    async def main() -> int:
        serve(net["server"], Remembered)
        party: Any = await call(net["client"], "server", Party())
        with open(tmp_path / "file", "rb") as file:
            await FileSender().beginFileTransfer(file, party.transport)
        party.transport.loseConnection()
        await made[0].lost
        return len(made[0].text)

    assert net.run(main) == 300_000


def test_delayed_calls_are_moved_cancelled_and_listed() -> None:
    """As Twisted's own, which they are."""
    net = network()
    reactor = net["client"].reactor
    fired: list[tuple[str, float]] = []
    calls = {
        name: reactor.callLater(10, lambda name=name: fired.append((name, net.seconds())))
        for name in ("sooner", "later", "never", "pushed")
    }
    calls["sooner"].reset(2)
    calls["later"].delay(5)
    calls["never"].cancel()
    calls["pushed"].reset(3)
    calls["pushed"].reset(8)
    assert len(reactor.getDelayedCalls()) == 3
    net.settle()
    assert fired == [("sooner", 2), ("pushed", 8), ("later", 15)]
    assert net.timeline.at_rest


def test_a_name_may_have_several_addresses_or_be_changed() -> None:
    """The table of names is the test's to change."""
    net = network()
    net.dns["moved"] = ["10.0.0.2"]
    net.dns_delay = 2.0

    async def main() -> list[str]:
        first = await net["client"].reactor.resolve("moved")
        net.dns["moved"] = ["10.0.0.1"]
        return [first, await net["client"].reactor.resolve("moved")]

    assert net.run(main) == ["10.0.0.2", "10.0.0.1"]
    assert net.seconds() == 4.0


def test_what_is_not_simulated_is_refused() -> None:
    """A real descriptor, a process, a time gone by."""
    reactor = network()["client"].reactor
    with pytest.raises(TypeError, match="simulated sockets only"):
        reactor.addReader(object())
    with pytest.raises(NotImplementedError, match="no processes"):
        reactor.spawnProcess(None, "/bin/true")
    with pytest.raises(AssertionError, match="greater than or equal"):
        reactor.callLater(-1, print)


def test_a_program_may_run_its_reactor_itself() -> None:
    """Code that calls ``reactor.run()`` runs until it stops the reactor."""
    net = network()
    reactor = net["client"].unstarted()
    events: list[Any] = []
    reactor.addSystemEventTrigger("before", "shutdown", events.append, "stopping")
    reactor.callLater(3, reactor.stop)
    reactor.run()
    assert events == ["stopping"]
    assert net.seconds() == 3.0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library below Twisted
def test_tls_sits_on_top() -> None:
    """Packets, sizes and times of two runs are equal; only the keys differ."""
    if not hasattr(pytest.importorskip("OpenSSL.crypto"), "X509Req") and _is_old():
        pytest.skip("this Twisted makes no certificates with this pyOpenSSL")
    ssl = pytest.importorskip("twisted.internet.ssl")
    from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS

    certificate = _certificate(ssl)

    def run() -> tuple[bytes, str]:
        net = network()
        made: list[Party] = []

        class Remembered(Party):
            def connectionMade(self) -> None:
                made.append(self)

        async def main() -> bytes:
            net["server"].reactor.listenSSL(
                443, Factory.forProtocol(Remembered), certificate.options()
            )
            endpoint = HostnameEndpoint(net["client"].reactor, "server", 443)
            party = Party(b"secret")
            await connectProtocol(
                wrapClientTLS(ssl.CertificateOptions(verify=False), endpoint), party
            )
            await deferLater(net["client"].reactor, 1, lambda: None)
            return made[0].text

        return net.run(main), net.digest(payload=False)

    first, second = run(), run()
    assert first == second
    assert first[0] == b"secret"


def _is_old() -> bool:
    return version("twisted") < "26"


def _certificate(ssl: Any) -> Any:
    key = ssl.KeyPair.generate(size=2048)
    request = key.certificateRequest(ssl.DistinguishedName(CN="server"))
    signed = key.signCertificateRequest(
        ssl.DistinguishedName(CN="server"), request, lambda _: True, 1
    )
    return key.newCertificate(signed)


def test_a_resolution_that_nobody_waits_for_any_more_ends() -> None:
    """Cancelling a connection attempt while its name is looked up leaves nothing behind."""
    net = network()
    attempt: Deferred[Any] = Deferred()

    async def main() -> None:
        nonlocal attempt
        attempt = Deferred.fromCoroutine(call(net["client"], "server", Party()))
        attempt.addErrback(lambda _: None)
        attempt.cancel()
        await net.sleep(1)

    net.run(main)
    assert net["client"].reactor.getDelayedCalls() == []
