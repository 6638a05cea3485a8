"""Which bus the chat has: that of one process, or a broker's, as ``--chat-bus`` says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.util import find_spec

from twisted.application.service import IService

from twisted_net.chat.bus.base import Bus, Earlier
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.core.hub import Delivery, Hub
from twisted_net.chat.doors.delivery import deliver
from twisted_net.chat.doors.everybody import expel, notify
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.settings import password_in
from twisted_net.net.errors import StartError
from twisted_net.net.service import Runtime


def _at_once(call: Callable[[], None]) -> None:
    call()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A bus and what goes with it.

    :ivar deliver: puts events into the outlets of all who hear them.
    :ivar earlier: called with a room and what was said there before this node came.
    :ivar beneath: what has to run for it.
    :ivar when_ready: calls something whenever members may come in: at once, or when the broker has
        told all that there is.
    :ivar secret: hides addresses. Nodes of one chat that know one password have one secret: what a
        ban says of an address then holds on all of them.
    """

    bus: Bus
    beneath: tuple[IService, ...]
    secret: bytes
    deliver: Callable[[Iterable[Delivery[Outlet]]], None] = deliver
    earlier: list[Earlier] = field(default_factory=list)
    when_ready: Callable[[Callable[[], None]], None] = _at_once


def chosen(
    text: str,
    password_file: str,
    runtime: Runtime,
    hub: Hub[Outlet],
    last: int = 0,
    secret: bytes | None = None,
) -> Chosen:
    """Make the bus.

    :param text: as ``--chat-bus`` takes it; empty: the bus of one process.
    :param password_file: a file that holds the broker's password; empty: it wants none.
    :param last: the last id that this process remembers; a broker remembers its own.
    :raises StartError: the password cannot be read, or txredisapi is not installed.
    """
    secret = secret or runtime.dice.randbytes(16)
    if not text:
        return Chosen(LocalBus(runtime.reactor.seconds, last), (), secret)
    if find_spec("txredisapi") is None:
        raise StartError(
            f"--chat-bus {text!r}: txredisapi is not installed; pip install 'twisted_net[redis]'"
        )
    return _shared(text, password_file, runtime, hub, secret)


def _shared(
    text: str, password_file: str, runtime: Runtime, hub: Hub[Outlet], secret: bytes
) -> Chosen:
    """Make the bus of many nodes.

    :param secret: where the nodes know no password.
    """
    from twisted_net.chat.bus.redis import RedisBus

    try:
        password = password_in(password_file)
    except ValueError as error:
        raise StartError(f"--chat-bus-password {password_file!r}: {error}") from error
    if password:
        secret = blake2b(password.encode(), digest_size=16, person=b"netdemo hosts").digest()
    bus = RedisBus(
        runtime.reactor,
        text.partition(":")[2],
        hub,
        runtime.dice,
        lambda words: notify(hub.members(), words),
        lambda why: expel(hub.members(), why),
        password=password or None,
    )

    def delivering(deliveries: Iterable[Delivery[Outlet]]) -> None:
        made = list(deliveries)
        deliver(made)
        for each in made:
            bus.delivered(each.event)

    return Chosen(bus, (bus,), secret, delivering, bus.earlier, bus.comes.append)
