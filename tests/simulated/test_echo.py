"""Echo on bad networks: what comes back is what was sent, or the client is told."""

import pytest

from tests.simulated.bench import ECHO_TCP, ECHO_UDP, SERVER, serving, together
from tests.simulated.scenarios import CUT, ROUGH, STORM
from twisted_net.echo.client import DatagramAsker, ask_stream
from twisted_net.net.errors import ClientError, ConnectError, NoAnswerError
from twisted_net.testing import SimNetwork, simulate

#: Longer than all the buffers on the way together, so that both sides have to wait for each other.
LONG = bytes(range(256)) * 2000


@simulate(seeds=10, link=ROUGH, chunking=CUT, order="shuffle")
async def test_a_stream_comes_back_whole_however_it_was_cut(net: SimNetwork) -> None:
    """Three at one time; each closes its half and still gets its answer to the last byte."""
    serving(net)
    answers: dict[str, bytes] = {}

    async def ask(name: str, question: bytes) -> None:
        answers[name] = await ask_stream(net.host(name).reactor, ECHO_TCP, question, 300)

    questions = {"long": LONG, "short": b"hello", "none": b""}
    await together(*(ask(name, question) for name, question in questions.items()))
    assert answers == questions


@simulate(seeds=10, link=ROUGH, chunking=CUT)
async def test_a_server_that_is_killed_sends_back_nothing_wrong(net: SimNetwork) -> None:
    """What came back by then is the beginning of what was sent; afterwards nobody listens."""
    serving(net)
    heard: list[bytes] = []

    async def ask(name: str) -> None:
        try:
            heard.append(await ask_stream(net.host(name).reactor, ECHO_TCP, LONG, 60))
        except ClientError:
            heard.append(b"")

    net.at(0.3, net[SERVER].kill)
    await together(*(ask(name) for name in ("c0", "c1", "c2")))
    assert len(heard) == 3
    assert all(LONG.startswith(answer) for answer in heard)
    with pytest.raises(ConnectError, match="refused"):
        await ask_stream(net.host("late").reactor, ECHO_TCP, b"hello", 60)


@simulate(seeds=10, link=STORM)
async def test_a_datagram_comes_back_as_it_was_or_not_at_all(net: SimNetwork) -> None:
    """UDP may lose a question or its answer, and the asker says so; it may not change them."""
    serving(net)
    lost: list[str] = []
    net.sometimes("an answer is missing", lambda: lost)

    async def ask(name: str) -> None:
        asker = DatagramAsker(net.host(name).reactor, ECHO_UDP, patience=0.5)
        await asker.open()
        for number in range(10):
            question = f"{name} {number}".encode()
            try:
                assert await asker.ask(question) == question
            except NoAnswerError:
                lost.append(name)
        await asker.close()

    await together(*(ask(name) for name in ("c0", "c1", "c2")))
    assert len(lost) < 30


@simulate(seeds=5, link=ROUGH)
async def test_a_stalled_server_answers_when_it_goes_on(net: SimNetwork) -> None:
    """A long garbage collection, or SIGSTOP and SIGCONT, costs time and nothing else."""
    serving(net)
    client = net.host("client")
    net.at(0.05, net[SERVER].stall, 10.0)
    assert await ask_stream(client.reactor, ECHO_TCP, LONG, 300) == LONG
    assert net.seconds() > 10
