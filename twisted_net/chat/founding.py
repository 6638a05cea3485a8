"""One chat, made from the settings: what all of its doors share."""

from dataclasses import dataclass
from functools import partial

from twisted.application.service import IService

from twisted_net.chat.banning import Banning
from twisted_net.chat.bus import choosing
from twisted_net.chat.bus.base import Bus
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.words import Words
from twisted_net.chat.doors.everybody import show_out
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.keeping import Keep, Kept, look, opened
from twisted_net.chat.owning import Owning
from twisted_net.chat.post import Post
from twisted_net.chat.settings import SECONDS, ChatSettings, words_in
from twisted_net.chat.store.profiles import Profiles
from twisted_net.net.service import Runtime

#: The doors that one hub serves, wherever it runs.
_DOORS = ("chat-tcp", "chat-udp", "irc", "irc-tls", "irc-legacy", "ipmsg")


@dataclass(frozen=True, slots=True)
class Founded:
    """What the doors of a chat share.

    :ivar secret: hides addresses, see `hidden_host`.
    :ivar profiles: what accounts tell about themselves.
    :ivar beneath: what has to run as long as any door is open.
    """

    post: Post[Outlet]
    bus: Bus
    secret: bytes
    profiles: Profiles
    beneath: tuple[IService, ...]


def founded(settings: ChatSettings, runtime: Runtime) -> Founded:
    """Make the hub, its bus, and what looks after rooms that are kept, and bans.

    :raises StartError: ``--chat-store``, ``--chat-bus`` or ``--auth`` names what is of no use.
    """
    words = words_in(settings.words) if settings.words else Words()
    if runtime.here == frozenset():
        _look(settings)
    kept = opened(_keep(settings, runtime), runtime)
    hub: Hub[Outlet] = Hub(settings.lobby, kept.accounts.registered, words=words)
    kept.accounts.present = lambda name: hub.known(name) is not None
    chosen = choosing.chosen(
        settings.bus, settings.bus_password, runtime, hub, kept.last, kept.secret
    )
    post = Post(hub, chosen.bus, chosen.deliver, kept.history, kept.accounts)
    chosen.earlier.append(post.earlier)
    _keep_order(post, runtime, kept, chosen)
    beneath = (*chosen.beneath, *kept.beneath)
    return Founded(post, chosen.bus, chosen.secret, kept.profiles, beneath)


def serves(runtime: Runtime) -> bool:
    """Say whether this process has the chat, and with it the file, of several that make doors."""
    return any(runtime.opens(door) for door in _DOORS)


def _keep_order(post: Post[Outlet], runtime: Runtime, kept: Kept, chosen: choosing.Chosen) -> None:
    """Let rooms that are kept, and bans, be there before members come, and be written down."""
    seconds = runtime.reactor.seconds
    owning = Owning(post.hub, post.announce, seconds, kept.rooms, kept.records)
    post.watch(owning.happened)
    chosen.when_ready(owning.begin)
    show = partial(show_out, post, seconds)
    banning = Banning(post.hub, post.announce, show, seconds, kept.bans, kept.banned)
    post.watch(banning.happened)
    chosen.when_ready(banning.begin)


def _look(settings: ChatSettings) -> None:
    """See to it that what another process will open is of use, while the start can still fail."""
    if settings.store:
        look(settings.store)
    if settings.hooks:
        from twisted_net.chat.hooks.config import hooks_in

        hooks_in(settings.hooks)


def _keep(settings: ChatSettings, runtime: Runtime) -> Keep:
    seconds = 0
    if settings.keep != "0":
        seconds = int(settings.keep[:-1]) * SECONDS[settings.keep[-1]]
    store = settings.store if serves(runtime) else ""
    return Keep(store, seconds, settings.keep, settings.register, settings.auth)
