"""One end of a TCP connection: the state, the two halves, the timers (RFC 9293, 3.10).

`Sender` and `Receiver` know what to send and what was heard; `states` knows where that leads.
This is where packets and timers come in and go out. It outlives its socket: what was written is
delivered after the application has closed it, as by a real kernel.
"""

import errno
from typing import TYPE_CHECKING

from twisted_net.testing.clock import Alarm
from twisted_net.testing.kernel.tcp.congestion import Reno, Unlimited
from twisted_net.testing.kernel.tcp.receiving import Receiver
from twisted_net.testing.kernel.tcp.sending import Blocks, Sender, Sent
from twisted_net.testing.kernel.tcp.states import HEARING, OPENING, WRITING, Event, State, move
from twisted_net.testing.kernel.tcp.timing import (
    DELAYED_ACK,
    INITIAL_RTO,
    MOST_RTO,
    ORPHAN_WAIT,
    RETRIES,
    SYN_ACK_RETRIES,
    SYN_RETRIES,
    TIME_WAIT,
)
from twisted_net.testing.packets import ACK, FIN, PSH, RST, SYN, TCP_HEADER, Packet

if TYPE_CHECKING:
    from twisted_net.testing.kernel.stack import Pair, Stack
    from twisted_net.testing.kernel.tcp.sockets import TcpSocket

#: Nanoseconds in which the clock behind initial sequence numbers ticks (RFC 6528, 3).
ISN_TICK = 4_000


class Connection:
    """One end of a connection.

    :param pair: our address and port, the peer's address and port.
    :ivar socket: what the application holds; None: not accepted yet, or closed.
    :ivar listener: the socket that it came in by and still waits at; None: none.
    :ivar error: why it broke, as an errno; 0: it did not.
    """

    __slots__ = (
        "_ack_alarm", "_alarm", "_heard", "_isn", "_owed", "_retries", "_said", "_unanswered",
        "_until", "deaf", "error", "flow", "listener", "mss", "pair", "receiver", "sender",
        "socket", "stack", "state", "world",
    )  # fmt: skip

    def __init__(self, stack: "Stack", pair: "Pair") -> None:
        self.stack = stack
        self.world = stack.world
        self.pair = pair
        self.state = State.CLOSED
        self.socket: TcpSocket | None = None
        self.listener: TcpSocket | None = None
        self.error = 0
        self.deaf = False  # the application will read no more
        self.flow = self.world.flow("tcp", *pair)
        self.mss = self.world.mtu(pair[2]) - TCP_HEADER
        self._isn = (self.world.secret(self.flow) + self.world.timeline.now // ISN_TICK) % 2**32
        congestion = Unlimited() if stack.congestion == "none" else Reno(self.mss)
        self.sender = Sender(self._isn + 1, stack.sndbuf, self.mss, congestion)
        self.receiver = Receiver(0, stack.rcvbuf, self.mss)
        self._heard = False  # the peer's SYN, from which the receiver counts
        self._retries = 0  # how often the timeout was doubled
        self._unanswered = 0  # how often it has run out since the peer was heard
        self._said = 0  # when our SYN went out last
        self._owed = 0  # segments that arrived and were not acknowledged
        self._alarm = Alarm(self.world.timeline, self._rang)
        self._ack_alarm = Alarm(self.world.timeline, self._acknowledge)
        self._until = 0  # the end of TIME_WAIT, or of what an orphan is given
        stack.enter(self)

    # The application

    def call(self) -> None:
        """Begin the handshake."""
        self.state = move(self.state, Event.CONNECT)
        self._send_syn()

    def write(self, data: memoryview) -> int:
        """Take what there is room for; return how much that was."""
        taken = self.sender.write(data)
        if taken:
            self._send_due()
        return taken

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes of what arrived in order."""
        data = self.receiver.read(size)
        if self.state in HEARING and self.receiver.worth_telling:
            self._acknowledge()
        return data

    def shut(self) -> None:
        """Say that nothing more will be written (RFC 9293, 3.6)."""
        if self.state in WRITING:
            self.state = move(self.state, Event.SHUT)
            self.sender.end()
            self._send_due()

    def leave(self, *, abruptly: bool) -> None:
        """Go on without the application, which has closed its socket.

        :param abruptly: reset, as also happens when something was not read.
        """
        self.socket = None
        self.deaf = True
        if self.state is State.SYN_SENT:
            self.vanish()
        elif self.state is not State.TIME_WAIT and (abruptly or self.receiver.available):
            self.abort()
        else:
            self.shut()
            if self.state is State.FIN_WAIT_2:
                self._vanish_later(ORPHAN_WAIT)

    def abort(self) -> None:
        """Reset the connection."""
        if self.state not in (State.CLOSED, State.SYN_SENT):
            self._send(RST | ACK, self.sender.nxt)
        self.vanish()

    def vanish(self) -> None:
        """Stop at once and tell nobody."""
        if self.state is not State.CLOSED:
            self.state = move(self.state, Event.GONE)
        self._alarm.clear()
        self._ack_alarm.clear()
        self.stack.leave(self)

    def _break(self, error: int) -> None:
        """End because of the peer or the network, and let the application know."""
        self.error = error
        self.vanish()
        if self.listener is not None:
            self.listener.lost(self)
        if self.socket is not None:
            self.socket.broken(error)

    # Packets in

    def yields_to(self, packet: Packet) -> bool:
        """Say whether a call may take the place of this connection (RFC 1122, 4.2.2.13)."""
        return (
            self.state is State.TIME_WAIT
            and packet.flags & (SYN | ACK | RST) == SYN
            and packet.seq > self.receiver.nxt
        )

    def called(self, packet: Packet) -> None:
        """Answer a SYN."""
        self.state = move(self.state, Event.CALLED)
        self._hear_syn(packet)
        self._send_syn()

    def arrived(self, packet: Packet) -> None:
        """Take a segment."""
        if self.state is State.SYN_SENT:
            self._arrived_calling(packet)
        elif self.state is State.SYN_RECEIVED:
            self._arrived_called(packet)
        elif self._acceptable(packet):
            self._arrived_open(packet)

    def _arrived_calling(self, packet: Packet) -> None:
        flags = packet.flags
        if flags & ACK and packet.ack != self._isn + 1:
            if not flags & RST:
                self.stack.reset(packet)
        elif flags & RST:
            if flags & ACK:
                self._break(errno.ECONNREFUSED)
        elif flags & SYN:
            self._hear_syn(packet)
            if flags & ACK:
                self._open(packet)
                self._acknowledge()
            else:
                self.state = move(self.state, Event.CALLED)
                self._send_syn()

    def _arrived_called(self, packet: Packet) -> None:
        if packet.flags & RST:
            self._break(errno.ECONNRESET)
        elif packet.flags & SYN and not packet.flags & ACK:
            self._send_syn()
        elif packet.flags & ACK and packet.ack == self._isn + 1:
            self._open(packet)
            if self.listener is not None:
                self.listener.completed(self)
            self._arrived_open(packet)
        elif packet.flags & ACK:
            self.stack.reset(packet)

    def _hear_syn(self, packet: Packet) -> None:
        self.receiver = Receiver(packet.seq + 1, self.stack.rcvbuf, self.mss)
        self._heard = True

    def _open(self, packet: Packet) -> None:
        self.sender.open(packet.ack + packet.window)
        if not self._retries:
            self.sender.measured(self.world.timeline.now - self._said)
        self.state = move(self.state, Event.ANSWERED)
        self._retries = 0
        self._alarm.clear()
        if self.socket is not None:
            self.world.woken(self.socket)

    def _acceptable(self, packet: Packet) -> bool:
        """Say whether a segment is to be looked at further; answer if not (RFC 5961)."""
        if packet.flags & RST:
            if packet.seq == self.receiver.nxt:
                self._break(errno.EPIPE if self.state is State.CLOSE_WAIT else errno.ECONNRESET)
            elif self.receiver.nxt < packet.seq <= self.receiver.edge:
                self._acknowledge()
            return False
        end = packet.seq + len(packet.payload) + bool(packet.flags & FIN)
        if packet.flags & SYN or not self.receiver.wanted(packet.seq, end):
            self._acknowledge()
            if self.state is State.TIME_WAIT:
                self._vanish_later(TIME_WAIT)
            return False
        if not packet.flags & ACK:
            return False
        if packet.ack > self.sender.nxt:
            self._acknowledge()
            return False
        return True

    def _arrived_open(self, packet: Packet) -> None:
        self._hear_ack(packet)
        if self.state is State.CLOSED:
            return
        data, end = packet.payload, bool(packet.flags & FIN)
        if data and self._unwelcome(packet.seq + len(data)):
            self.abort()  # nobody will ever read it (RFC 1122, 4.2.2.13)
        elif data or end:
            self._hear_data(packet.seq, data, end)

    def _unwelcome(self, end: int) -> bool:
        closing = (State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSING)
        return self.deaf and self.state in closing and end > self.receiver.nxt

    def _hear_ack(self, packet: Packet) -> None:
        sender = self.sender
        room, edge, idle = sender.room, sender.edge, not sender.in_flight
        news = sender.acked(packet.ack, packet.ack + packet.window, self.world.timeline.now)
        if packet.sack:
            sender.sacked(packet.sack)
        if news or idle:
            self._unanswered = 0
        if news or (idle and sender.edge != edge):
            self._retries = 0
            self._alarm.clear()
        if news and sender.done:
            self._fin_acked()
        if self.state is not State.CLOSED:
            self._send_due()
        if self.socket is not None and sender.room != room:
            self.world.woken(self.socket)

    def _fin_acked(self) -> None:
        if self.state in (State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK):
            self.state = move(self.state, Event.FIN_ACKED)
            if self.state is State.CLOSED:
                self.vanish()
            elif self.state is State.TIME_WAIT:
                self._vanish_later(TIME_WAIT)
            elif self.socket is None:
                self._vanish_later(ORPHAN_WAIT)

    def _hear_data(self, seq: int, data: bytes, end: bool) -> None:
        receiver = self.receiver
        had_gap = receiver.gap
        before = receiver.available
        expected = receiver.arrived(seq, data, end)
        if receiver.ended and self.state in HEARING:
            self._peer_ended()
        elif self.socket is not None and receiver.available != before:
            self.world.woken(self.socket)
        if self.state is State.CLOSED:
            return
        self._owed += 1
        if self._owed > 1 or end or had_gap or not expected:
            self._acknowledge()
        elif self._ack_alarm.deadline is None:
            self._ack_alarm.set(self.world.timeline.now + DELAYED_ACK)

    def _peer_ended(self) -> None:
        self.state = move(self.state, Event.ENDED)
        if self.state is State.TIME_WAIT:
            self._vanish_later(TIME_WAIT)
        if self.socket is not None:
            self.world.woken(self.socket)

    # Packets out

    def _send_syn(self) -> None:
        flags = SYN | ACK if self.state is State.SYN_RECEIVED else SYN
        self._said = self.world.timeline.now
        self._send(flags, self._isn, again=self._retries > 0)
        wait = min(INITIAL_RTO << self._retries, MOST_RTO)
        self._alarm.set(self.world.timeline.now + wait)

    def _send_due(self) -> None:
        sender = self.sender
        now = self.world.timeline.now
        for sent in sender.due(now):
            self._send_segment(sender, sent)
        if self._alarm.deadline is None and (sender.in_flight or sender.unsent):
            self._alarm.set(now + sender.timeout(self._retries))

    def _send_segment(self, sender: Sender, sent: Sent) -> None:
        flags = ACK
        if sender.has_end(sent):
            flags |= FIN
        data = sender.payload(sent)
        if data and sender.is_last(sent):
            flags |= PSH
        self._send(flags, sent.seq, data, again=sent.times > 1)

    def _acknowledge(self) -> None:
        self._send(ACK, self.sender.nxt)

    def _send(self, flags: int, seq: int, data: bytes = b"", *, again: bool = False) -> None:
        receiver = self.receiver
        ack, window = 0, receiver.size
        sack: Blocks = ()
        if self._heard:
            ack, window = receiver.nxt, receiver.window()
            if receiver.gap:
                sack = receiver.blocks()
            self._owed = 0
            self._ack_alarm.clear()
        self.world.transmit(
            Packet("tcp", *self.pair, self.flow, data, flags, seq, ack, window, sack, again)
        )

    # Timers

    def _rang(self) -> None:
        if self.state in OPENING:
            self._try_again_to_open()
        else:
            self._try_again(self.sender)

    def _try_again_to_open(self) -> None:
        most = SYN_RETRIES if self.state is State.SYN_SENT else SYN_ACK_RETRIES
        self._retries += 1
        if self._retries > most:
            self._break(errno.ETIMEDOUT)
        else:
            self._send_syn()

    def _try_again(self, sender: Sender) -> None:
        self._retries += 1
        self._unanswered += 1
        if self._unanswered > RETRIES:
            self._break(errno.ETIMEDOUT)
        elif sender.in_flight:
            sender.expired()
            self._send_due()
        elif sender.edge > sender.nxt:
            sender.accept_short()
            self._send_due()
        else:
            # A shut window is probed with a number long acknowledged, which the peer answers.
            self._send(ACK, sender.una - 1, again=True)
            self._alarm.set(self.world.timeline.now + sender.timeout(self._retries))

    def _vanish_later(self, wait: int) -> None:
        self._alarm.clear()
        timeline = self.world.timeline
        self._until = timeline.now + wait
        timeline.quietly(self._until, self._waited, self._until)

    def _waited(self, until: int) -> None:
        if self._until == until and self.state in (State.TIME_WAIT, State.FIN_WAIT_2):
            self.vanish()
