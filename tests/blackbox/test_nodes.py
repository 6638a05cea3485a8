"""Installed servers that share one chat, and the ends that servers and brokers come to."""

import contextlib
import re
import signal
import socket
import threading
from collections.abc import Callable

import pytest

from tests.blackbox.conftest import PATIENCE, Bench
from tests.loopback.engines import Engine

pytest.importorskip("txredisapi", reason="txredisapi is not installed (extra redis)")

Start = Callable[..., Bench]

#: Seconds within which a node that died is noticed, many times over: its lease is 15 s.
NOTICED = 120.0


class Talker:
    """A client of the line door, which reads all the time."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.heard: list[str] = []
        self.ended = threading.Event()
        self._changed = threading.Condition()
        self._socket = socket.create_connection(("127.0.0.1", bench.port("chat-tcp")), PATIENCE)
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        bench.wait_for("takes part in the chat")
        self.says(f"NICK {name}")
        self.hears(rf"OK NICK {name}")

    def says(self, line: str) -> None:
        """Type a line."""
        self._socket.sendall(f"{line}\n".encode())

    def hears(self, pattern: str, patience: float = PATIENCE) -> list[str]:
        """Wait for a line; return all that was heard so far."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: any(re.fullmatch(pattern, line) for line in self.heard), patience
            )
            assert found, f"no {pattern!r} in {self.heard[-20:]}"
            return list(self.heard)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                with self._changed:
                    self.heard.append(line.decode().rstrip("\n"))
                    self._changed.notify_all()
        self.ended.set()


def test_two_servers_share_one_chat(bench: Start, engine: Engine) -> None:
    """Whoever comes by one hears whoever came by the other, and a stop is orderly."""
    option = f"--chat-bus=redis:{engine.endpoint}"
    here, there = bench(option), bench(option)
    red, blue = Talker(here, "red"), Talker(there, "blue")
    red.hears("JOINED lobby blue")
    with socket.create_connection(("127.0.0.1", there.port("irc")), PATIENCE) as irc:
        irc.sendall(b"NICK green\r\nUSER g 0 * :G\r\nJOIN #lobby\r\n")
        red.hears("JOINED lobby green")
        red.says("hello")
        blue.hears("SAID lobby red hello")
        with irc.makefile("rb") as lines:
            assert any(line.endswith(b" PRIVMSG #lobby :hello\r\n") for line in lines)
    red.hears("LEFT green .*")
    here.stop()
    blue.hears("LEFT red .*")
    red.close()
    blue.close()


@pytest.mark.slow
def test_a_broker_that_is_away_is_said_and_keeps_no_server_from_stopping(
    bench: Start, engine: Engine
) -> None:
    """The log names it; and where a password is wrong, that."""
    engine.kill()
    server = bench(f"--chat-bus=redis:{engine.endpoint}")
    server.wait_for("the broker is away, drafts wait")
    server.stop()


@pytest.mark.slow
def test_what_dies_under_load_costs_nothing_that_was_acknowledged(
    bench: Start, engine: Engine
) -> None:
    """The broker first, then a server, both by kill -9; then one is held up until it is fenced."""
    option = f"--chat-bus=redis:{engine.endpoint}"
    servers = [bench(option) for _ in range(3)]
    talkers = [Talker(server, f"t{n}") for n, server in enumerate(servers)]
    for turn in range(300):
        for talker in talkers:
            talker.says(f"SAY lobby {turn}")
        if turn == 50:
            engine.kill()
            talkers[0].hears("SERVER other nodes unreachable")
        if turn == 55:
            engine.start()
        if turn == 200:
            servers[2].stop(signal.SIGKILL)
            talkers.pop().close()
    for talker in talkers:
        talker.says("SAY lobby end")
    orders = []
    for n, talker in enumerate(talkers):
        talker.hears(rf"SAID lobby t{1 - n} end")
        talker.hears("LEFT t2 node lost", NOTICED)
        heard = talker.hears("OK SAY lobby .*")
        acknowledged = [line for line in heard if line.startswith("OK SAY")]
        assert len(acknowledged) == len(set(acknowledged)) == 301
        orders.append([line for line in heard if line.startswith("SAID lobby t2 ")])
        others = [line for line in heard if line.startswith(f"SAID lobby t{1 - n} ")]
        assert others == [f"SAID lobby t{1 - n} {turn}" for turn in [*range(300), "end"]]
    assert orders[0] == orders[1] == [f"SAID lobby t2 {turn}" for turn in range(len(orders[0]))]
    late = Talker(servers[0], "t2")
    late.hears("OK JOIN lobby 3.*")

    servers[1].process.send_signal(signal.SIGSTOP)
    talkers[0].hears("LEFT t1 node lost", NOTICED)
    talkers[0].says("NICK t1")
    talkers[0].hears("OK NICK t1")
    talkers[1].says("SAY lobby too late")
    servers[1].process.send_signal(signal.SIGCONT)
    assert talkers[1].ended.wait(NOTICED)
    assert not any("too late" in line for line in talkers[0].heard)
    for each in (*talkers, late):
        each.close()
