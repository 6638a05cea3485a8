"""Runs a `Prober` over UDP or a stream: timers and sockets, and nothing that is counted."""

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.echo.client import EchoClient
from twisted_net.echo.codec import AnswerReader, ProbeCodec
from twisted_net.echo.pace import Pace, World
from twisted_net.echo.probe import Plan, Prober
from twisted_net.echo.tally import Event, Tally
from twisted_net.net.clients import PATIENCE, Target, connect, resolve
from twisted_net.net.connected import ConnectedDatagrams, refusal
from twisted_net.net.errors import (
    BadAnswerError,
    ClientError,
    ConnectError,
    NoAnswerError,
    RemoteProtocolError,
    SettingError,
)
from twisted_net.net.text import counted, safe

#: What a door says that takes nobody in; what follows it is shown.
_REFUSAL = re.compile(rb"ERR [0-9]{3} [^\n]*")

#: Altered datagrams, with not one right answer among them, after which nobody expects one.
ENOUGH_ALTERED = 3


class Run:
    """One run of probes to one server.

    :param report: called with what became of probes, and with why one could not be sent.
    :param far: whether a flood may go to another machine than this one.
    :ivar prober: None until there is a way to the server.
    """

    def __init__(
        self,
        world: World,
        target: Target,
        plan: Plan,
        codec: ProbeCodec,
        report: Callable[[list[Event], str], None],
        far: bool = False,
    ) -> None:
        self.prober: Prober | None = None
        self._target = target
        self.plan = plan
        self.codec = codec
        self.world = world
        self._report = report
        self._pace: Pace | None = None
        self._far = far

    async def run(self, patience: float = PATIENCE) -> None:
        """Send all probes and wait for what comes back.

        :param patience: seconds that a connection may take.
        :raises ClientError: no way there, no echo server, or not one answer; `prober` holds the
            numbers all the same.
        :raises SettingError: a flood would leave this machine.
        """
        target, flood = self._target, not self.plan.interval
        if target.scheme == "udp" or (flood and target.scheme == "tcp"):
            host = await resolve(self.world.reactor, target, patience)
            target = replace(target, host=host)
            if flood and not self._far and not ip_address(host).is_loopback:
                raise SettingError(
                    f"--flood to {host}: this is another machine, or a network on the way to it;"
                    " where it is yours, say --flood --flood"
                )
        if target.scheme == "udp":
            await _Datagrams(self, target).run()
        else:
            await _Stream(self, target).run(patience)

    @property
    def what(self) -> str:
        """The server as the user named it."""
        return str(self._target)

    def begin(self, send: Callable[[bytes], str]) -> Pace:
        """Make the schedule; it begins now."""
        self.prober = Prober(self.plan, self.codec, self.world.clock())
        self._pace = Pace(self.world, self.prober, send, self._report)
        return self._pace

    def fail(self, error: Exception) -> None:
        """End the run, once it has begun, with an error of somebody else's."""
        if self._pace is not None:
            self._pace.fail(error)

    def no_echo(self, came: bytes = b"") -> BadAnswerError:
        """Return the error for a server that sends something else.

        :param came: what it sent.
        """
        refusal = _REFUSAL.match(came)
        if refusal:
            return BadAnswerError(f"{self.what} says: {safe(refusal[0])}")
        why = "what comes back is not what was sent; is this an RFC 862 echo server?"
        return BadAnswerError(f"{self.what}: {why}")

    def nothing(self) -> ClientError:
        """Return the error for a run without one answer in time."""
        tally = self.prober.tally if self.prober is not None else Tally()
        if tally.altered:
            return self.no_echo()
        if tally.refused:
            return refusal(self.what)
        return NoAnswerError(
            f"no answer from {self.what} in {self.plan.timeout:g} s to any of"
            f" {counted(tally.sent, 'probe')}"
        )


class _Datagrams:
    """Probes over UDP."""

    def __init__(self, run: Run, target: Target) -> None:
        self._run = run
        self._peer = target.host, target.port
        self._pace: Pace

    async def run(self) -> None:
        """Open, send, wait, close."""
        port = ConnectedDatagrams(self._run.world.reactor, self._peer, self._heard, self._refused)
        port.open()
        self._pace = self._run.begin(port.send)
        try:
            self._pace.tick()
            await self._pace.done
        finally:
            await port.close()
        if not self._pace.prober.tally.answered:
            raise self._run.nothing()

    def _heard(self, datagram: bytes) -> None:
        pace, tally = self._pace, self._pace.prober.tally
        try:
            probe = self._run.codec.decode(datagram)
        except RemoteProtocolError:
            tally.altered += 1
            if tally.altered >= ENOUGH_ALTERED and not tally.answered:
                pace.fail(self._run.no_echo(datagram))
            return
        pace.report(pace.prober.received(probe, pace.clock()))
        pace.after_answer()

    def _refused(self) -> None:
        pace = self._pace
        pace.report(pace.prober.refused(pace.clock()))
        pace.after_answer()


@implementer(IPushProducer)
class _Stream:
    """Probes over one connection, one behind the other; as its producer, told when it is full."""

    def __init__(self, run: Run, target: Target) -> None:
        self._run = run
        self._target = target
        self._reader = AnswerReader(run.codec)
        self._client = EchoClient(self._heard)
        self._pace: Pace

    async def run(self, patience: float) -> None:
        """Connect, send, wait, hang up."""
        run, client = self._run, self._client
        await connect(run.world.reactor, self._target, client, patience)
        pace = self._pace = run.begin(self._send)
        client.ended.addCallbacks(self._closed, self._lost)
        client.transport.registerProducer(self, True)
        try:
            pace.tick()
            await pace.done
        finally:
            client.transport.abortConnection()
        if not pace.prober.tally.answered:
            raise run.nothing()

    def _send(self, probe: bytes) -> str:
        self._client.transport.write(probe)
        return ""

    def _heard(self, data: bytes) -> None:
        pace, now = self._pace, self._pace.clock()
        for probe in self._reader.feed(data):
            pace.report(pace.prober.received(probe, now))
        if self._reader.wrong:
            pace.prober.tally.altered += 1
            pace.fail(self._run.no_echo(self._reader.wrong))
        pace.after_answer()

    def _closed(self, _: object) -> None:
        self._end(ConnectError(f"{self._run.what} closed the connection"))

    def _lost(self, failure: Failure) -> None:
        self._end(ConnectError(f"{self._run.what}: {failure.getErrorMessage()}"))

    def _end(self, error: ConnectError) -> None:
        pace = self._pace
        pace.report(pace.prober.give_up())
        pace.fail(error)

    def pauseProducing(self) -> None:
        """Send nothing: what was sent is not being read."""
        self._pace.paused = True

    def resumeProducing(self) -> None:
        """Send what has become due meanwhile, and go on."""
        self._pace.paused = False
        self._pace.tick()

    def stopProducing(self) -> None:
        """Be told of the end, which `EchoClient.ended` tells too."""
