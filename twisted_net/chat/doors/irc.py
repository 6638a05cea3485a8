"""The IRC door: the chat for irssi, WeeChat, HexChat and all their kin (docs/protocols/irc.md)."""

from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall, ISSLTransport

from twisted_net.chat.accounts.private import asked_host, fingerprint, private
from twisted_net.chat.codec.charsets import UTF_8
from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.render import Profile, profile_of
from twisted_net.chat.codec.irc.wire import Lines, Message, NotTextError, parse
from twisted_net.chat.core.irc.commands import obey
from twisted_net.chat.core.irc.every import COMMANDS
from twisted_net.chat.core.irc.multiline import unread
from twisted_net.chat.core.irc.registration import closing, gone
from twisted_net.chat.core.irc.server import IrcServer
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.doors.outlet import QUEUE
from twisted_net.chat.doors.stream import RATE, ChatStream, ChatStreamFactory, Said
from twisted_net.net.counters import DoorCounters
from twisted_net.net.speaking_for import speak_for

#: Seconds of silence after which a client is asked whether it is there, and after which it is gone.
PING_AFTER = 60.0
GONE_AFTER = 90.0


class ChatIrcProtocol(ChatStream):
    """One connection of an IRC client.

    :ivar charset: what it speaks.
    """

    def __init__(self, factory: "ChatIrcFactory") -> None:
        super().__init__(factory)
        self.charset = factory.charset
        self._server = factory.server
        self._policy = factory.server.policy if factory.binds else None
        self._lines = Lines()
        self._heard_at = self._reactor.seconds()
        self._pinged = False
        self._silence: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Wait for a name, and watch whether anybody is there."""
        self.begin(profile_of(set(), self.charset))
        host = getattr(self.transport.getPeer(), "host", "")
        tls = ISSLTransport.providedBy(self.transport)
        secure = private(self.transport)
        self._server.waiting += 1
        now, policy = self._reactor.seconds(), self._policy
        self.session = Session(self._server, self, host, secure, now, tls, policy=policy)
        self._silence = self._reactor.callLater(PING_AFTER, self._listen)

    def handshakeCompleted(self) -> None:
        """Look at the certificate that the client has shown under TLS; before, there was none."""
        super().handshakeCompleted()
        asked = asked_host(self.transport) if self._policy is not None else ""
        self.session.showed(fingerprint(self.transport), asked)

    # What the session asks for.

    def put(self, lines: bytes) -> None:
        """Send lines, after all that was sent before."""
        if self.charset != UTF_8:
            lines = lines.decode().encode(self.charset, "replace")
        self.outlet.add(lines)

    def _drained(self) -> None:
        if self._held_back:  # it has read, slowly; what it has to say meanwhile is not read
            self._heard_at = self._reactor.seconds()
        super()._drained()

    def write_as(self, profile: Profile) -> None:
        """Write events in this way from now on."""
        self.outlet.write_as(profile)

    def speak(self, charset: str) -> None:
        """Speak this from now on, both ways."""
        self.charset = charset

    def speak_for(self, host: str, port: int) -> bool:
        """Be somebody else's connection, as a gateway says; say whether there is room for that."""
        return speak_for(self.transport, host, port)

    def drop(self, reason: str) -> None:
        """Count that the client was refused."""
        self._drops.drop(reason, self.transport.getPeer())

    def ready(self) -> None:
        """Go on reading."""
        if self.session.member is not None:
            self.named()
        self.go_on()

    # Reading.

    def dataReceived(self, data: bytes) -> None:
        """Note that somebody is there, and read on."""
        self._heard_at = self._reactor.seconds()
        self._pinged = False
        super().dataReceived(data)

    def took(self, data: bytes) -> None:
        """Take bytes."""
        self._lines.put(data)

    def next(self) -> Said | None:
        """Return the next message, or what is wrong with it."""
        try:
            line = self._lines.next()
        except OverflowError:
            return Said(Numeric.ERR_INPUTTOOLONG, 1.0)
        return None if line is None else self._read(line)

    def _read(self, line: bytes) -> Said:
        try:
            message = parse(line, self.charset)
        except NotTextError as error:
            return Said(error, 1.0)
        command = COMMANDS.get(message.command) if message is not None else None
        return Said(message, command.cost if command is not None else 1.0)

    def obey(self, what: Any) -> None:
        """Do what the client said."""
        now = self._reactor.seconds()
        if isinstance(what, Message):
            obey(COMMANDS, self.session, what, now)
        elif what is not None:
            self._refuse(what, now)

    def _refuse(self, what: NotTextError | Numeric, now: float) -> None:
        session = self.session
        command = what.command if isinstance(what, NotTextError) else "*"
        session.begin(Message(command), now)
        if isinstance(what, NotTextError):
            self._drops.drop("not_text", self.transport.getPeer())
            code = "INVALID_UTF8" if self.charset == UTF_8 else "INVALID_ENCODING"
            session.fail(code, f"Message rejected: it is not {self.charset.upper()}")
        else:
            self._drops.drop("line_too_long", self.transport.getPeer())
            session.reply(what)
        unread(session)
        session.end()

    def waits(self) -> bool:
        """Say whether an answer is waited for."""
        return self.session.busy

    def finish(self) -> None:
        """Obey a last line that has no ending."""
        rest = self._lines.rest()
        if rest:
            self.obey(self._read(rest).what)

    # Ends.

    def leave(self, why: str) -> None:
        """Leave the chat."""
        self.session.now = self._reactor.seconds()
        gone(self.session, why)

    def drain(self) -> None:
        """Say that the server stops, and hang up."""
        self.leave("server stopping")
        self.hang_up(closing(self.session, "server stopping"))

    def late(self) -> bytes:
        """Return the last words to somebody who has not registered."""
        return closing(self.session, "registration timed out")

    def full(self) -> bytes:
        """Return the last words to somebody who does not read."""
        return closing(self.session, "send queue full")

    def lost(self, why: str) -> bytes:
        """Return the last words to somebody who is in the chat no more."""
        return closing(self.session, why)

    def stop_timers(self) -> None:
        """Leave no timer behind."""
        super().stop_timers()
        if self._silence is not None and self._silence.active():
            self._silence.cancel()
        self._silence = None

    def _listen(self) -> None:
        """Ask a silent client whether it is there, and give up one that does not answer."""
        silent = self._reactor.seconds() - self._heard_at
        if silent >= GONE_AFTER:
            self._drops.drop("ping_timeout", self.transport.getPeer())
            self.leave("ping timeout")
            self.hang_up(closing(self.session, f"ping timeout: {GONE_AFTER:g} seconds"))
            return
        if silent >= PING_AFTER and not self._pinged:
            self._pinged = True
            self.put(f"PING :{self._server.name}\r\n".encode())
        due = GONE_AFTER if self._pinged else PING_AFTER
        self._silence = self._reactor.callLater(max(0.1, due - silent), self._listen)


class ChatIrcFactory(ChatStreamFactory):
    """Make a `ChatIrcProtocol` for each connection.

    :param server: what all IRC doors share.
    :param queue: bytes that may wait for one member.
    :param charset: what this door's clients speak.
    :param rate: commands a second from one client; 0: as many as come.
    :param binds: whether clients are told of the server's policy, if it has one: that speaks of
        ports of IRC, which browsers cannot come to.
    """

    def __init__(
        self,
        server: IrcServer,
        reactor: Any,
        queue: int = QUEUE,
        counters: DoorCounters | None = None,
        charset: str = UTF_8,
        name: str = "irc",
        rate: float = RATE,
        binds: bool = True,
    ) -> None:
        super().__init__(name, reactor, queue, counters, rate)
        self.binds = binds
        self.server = server
        self.charset = charset

    def buildProtocol(self, addr: IAddress | None) -> ChatIrcProtocol:
        """Make the protocol of one connection."""
        protocol = ChatIrcProtocol(self)
        protocol.factory = self
        return protocol
