"""The plug-in for pytest lets a test fail that would otherwise pass by accident."""

from collections.abc import Iterator

import pytest

from twisted_net.testing.pytest_plugin import pytest_report_header


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of this test run out of the runs inside it."""
    monkeypatch.delenv("TWISTED_NET_SEED", raising=False)
    monkeypatch.delenv("TWISTED_NET_SEEDS", raising=False)


@pytest.fixture
def timers() -> Iterator[None]:
    """Take away the timers that a test leaves with the global reactor."""
    yield
    from twisted.internet import reactor

    for call in reactor.getDelayedCalls():
        call.cancel()


def run(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    """Run a file of tests with the plug-in, and without pytest-twisted."""
    pytester.makepyfile(source)
    return pytester.runpytest_inprocess(
        "-p", "twisted_net.testing.pytest_plugin", "-p", "no:twisted", "-p", "no:cacheprovider",
        "-p", "no:hypothesispytest", "--strict-markers", *options,
    )  # fmt: skip


def failing(pytester: pytest.Pytester, source: str, why: str) -> None:
    """Run one test; it fails, or its teardown does, and the report says why."""
    result = run(pytester, source)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"*{why}*"])


def test_it_is_not_loaded_by_itself(pytester: pytest.Pytester) -> None:
    """Whoever installs netdemo has the tests that they had before."""
    pytester.makepyfile("def test(net): pass")
    result = pytester.runpytest_inprocess("-p", "no:twisted", "-p", "no:hypothesispytest")
    result.stdout.fnmatch_lines(["*fixture 'net' not found*"])


SOCKET = """
    import socket

    def test():
        socket.socket().close()
"""


@pytest.mark.real_sockets
def test_a_real_socket_is_refused(pytester: pytest.Pytester) -> None:
    """A test that reaches for the kernel depends on the machine it runs on."""
    failing(pytester, SOCKET, "a real socket; use twisted_net.testing")


@pytest.mark.real_sockets
def test_a_marked_test_may_open_a_real_socket(pytester: pytest.Pytester) -> None:
    """What is about real sockets says so."""
    marked = SOCKET.replace("def test", "@pytest.mark.real_sockets\n    def test")
    run(pytester, f"    import pytest\n{marked}").assert_outcomes(passed=1)


@pytest.mark.real_sockets
def test_a_folder_of_tests_may_open_real_sockets(pytester: pytest.Pytester) -> None:
    """The setting names it, from the root."""
    pytester.makeini("[pytest]\nreal_sockets = real/sockets")
    source = "import socket\ndef test_{}(): socket.socket().close()"
    for folder in ("real/sockets", "real"):
        path = pytester.path / folder / f"test_{len(folder)}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source.format(len(folder)))
    result = run(pytester, "")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["FAILED real/test_4.py*"])


LOGS = """
    import pytest
    from twisted.logger import Logger

    {}
    def test():
        try:
            1 // 0
        except ZeroDivisionError:
            Logger().failure("a bug")
"""


@pytest.mark.logs("ZeroDivisionError")
def test_a_logged_failure_is_a_failure(pytester: pytest.Pytester) -> None:
    """A bug that Twisted catches and logs is not passed over."""
    failing(pytester, LOGS.format(""), "ZeroDivisionError: integer division or modulo by zero")


@pytest.mark.logs("ZeroDivisionError")
def test_a_failure_that_is_expected_in_the_log_is_marked(pytester: pytest.Pytester) -> None:
    """By name, and no other."""
    source = LOGS.format('@pytest.mark.logs("KeyError", "ZeroDivisionError")')
    run(pytester, source).assert_outcomes(passed=1)
    run(pytester, LOGS.format('@pytest.mark.logs("KeyError")')).assert_outcomes(passed=1, errors=1)


@pytest.mark.logs("ValueError")
def test_a_lost_deferred_is_a_failure(pytester: pytest.Pytester) -> None:
    """A failure that nobody handles is found when the test ends."""
    failing(
        pytester,
        """
        from twisted.internet.defer import Deferred

        def test():
            Deferred().errback(ValueError("lost"))
        """,
        "ValueError: lost",
    )


@pytest.mark.usefixtures("timers")
def test_a_timer_that_is_left_behind_is_a_failure(pytester: pytest.Pytester) -> None:
    """It would go off in another test."""
    failing(
        pytester,
        """
        from twisted.internet import reactor

        def test():
            reactor.callLater(1000, print)
        """,
        "left behind: <DelayedCall *",
    )


@pytest.mark.real_sockets
def test_a_port_that_is_left_behind_is_a_failure(pytester: pytest.Pytester) -> None:
    """It would be in the way of another test."""
    failing(
        pytester,
        """
        import pytest
        from twisted.internet import reactor
        from twisted.internet.protocol import Factory
        from twisted.internet.tcp import Port

        @pytest.fixture(autouse=True, scope="module")
        def closed():
            yield
            for port in reactor.getReaders():
                if isinstance(port, Port):
                    port.stopReading()
                    port.connectionLost(None)

        @pytest.mark.real_sockets
        def test():
            factory = Factory()
            factory.noisy = False
            reactor.listenTCP(0, factory, interface="127.0.0.1")
        """,
        "left behind: <*twisted.internet.tcp.Port*",
    )


def test_a_test_gets_a_network(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With seed 0 or that of the environment, and the options of its markers."""
    source = """
    import pytest
    from twisted_net.testing import Link

    pytestmark = pytest.mark.network(order="shuffle", link=Link(loss=0.5))

    @pytest.mark.network(link=Link(loss=0.1))
    def test(net):
        assert (net.seed, net.default_link.loss, net.shuffled) == (SEED, 0.1, True)
    """
    run(pytester, source.replace("SEED", "0")).assert_outcomes(passed=1)
    monkeypatch.setenv("TWISTED_NET_SEED", "17")
    result = run(pytester, source.replace("SEED", "17"))
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["simulated network: TWISTED_NET_SEED=17"])


def test_the_header_says_nothing_of_an_ordinary_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was chosen is worth a line."""
    assert pytest_report_header() is None
    monkeypatch.setenv("TWISTED_NET_SEEDS", "10000")
    assert pytest_report_header() == "simulated network: TWISTED_NET_SEEDS=10000"


def test_a_failing_test_shows_its_network(pytester: pytest.Pytester) -> None:
    """Faults, sockets, ladder, and the line that runs it again."""
    result = run(
        pytester,
        """
        import pytest
        from twisted_net.testing import Fault
        from twisted.internet.protocol import DatagramProtocol

        @pytest.mark.network(faults=[Fault("udp a:7>b:7", 0, "loss")])
        def test(net):
            a, b = net.host("a"), net.host("b")
            said = DatagramProtocol()
            a.reactor.listenUDP(7, said)
            said.transport.write(b"hello", (b.ip, 7))
            net.settle()
            assert net.seconds() == 17
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*simulated network*",
            "seed 0: 1 injected faults",
            "   loss @ udp a:7>b:7#0",
            "at 0.000000 s:",
            "a     udp *0.0.0.0:7 *",
            "   0.000000  |*- UDP 7>7 len=5 b'hello' -*X|  X lost",
            "again: TWISTED_NET_SEED=0 <same command>",
        ]
    )


PROMISE = """
    def test(net):
        {}
        assert {}
"""


@pytest.mark.parametrize(
    ("promise", "why"),
    [
        ('net.eventually("pigs fly", lambda: False, within=1)', "eventually: pigs fly"),
        ('net.sometimes("it rains", lambda: False)', "never in 1 seeds: it rains"),
    ],
)
def test_a_promise_is_kept_after_a_test_that_passed(
    pytester: pytest.Pytester, promise: str, why: str
) -> None:
    """After one that failed there is enough to read."""
    failing(pytester, PROMISE.format(promise, True), why)
    run(pytester, PROMISE.format(promise, False)).assert_outcomes(failed=1)
