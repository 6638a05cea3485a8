"""The webhooks of a chat, made from their file."""

from typing import Any

from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.hooks.bots import Bot
from twisted_net.chat.hooks.config import hooks_in
from twisted_net.chat.hooks.incoming import HookResource
from twisted_net.chat.hooks.outgoing import Outgoing
from twisted_net.chat.post import Post
from twisted_net.net.drops import Drops


def made(path: str, post: Post[Outlet], reactor: Any, drops: Drops) -> HookResource:
    """Make the bots, and return where they are told what to say.

    :raises StartError: the file is of no use.
    """
    keys: dict[str, None] = {}
    bots = []
    for hook in hooks_in(path):
        tell = Outgoing(hook, reactor, drops).tell if hook.url else _nobody
        post.hub.fix(hook.room)
        bots.append(Bot(hook, post, reactor, keys, tell))
    guesses = post.accounts.guesses if post.accounts is not None else None
    return HookResource(bots, reactor, drops, guesses)


def _nobody(message: bytes) -> None:
    """Tell nobody."""
