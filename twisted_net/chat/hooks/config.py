"""The file of webhooks: one table for each room."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twisted.logger import Logger

from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.core.ident import checked_name, checked_room
from twisted_net.net.errors import StartError
from twisted_net.net.toml import tables_in

#: Letters of a token: nobody guesses that many.
LEAST_TOKEN = 16

_log = Logger()


@dataclass(frozen=True, slots=True)
class Hook:
    """What one room has to do with other programs.

    :ivar room: the room.
    :ivar name: what the bot is called there.
    :ivar token: who has it may say something; empty: nobody.
    :ivar url: is told what is said; empty: nobody is.
    :ivar key: signs what is told; empty: nothing does.
    :ivar local: whether the URL may lead to this machine.
    """

    room: str
    name: str = "hook"
    token: str = ""
    url: str = ""
    key: str = ""
    local: bool = False


_KINDS = {"name": str, "token": str, "url": str, "key": str, "local": bool}


def hooks_in(path: str) -> list[Hook]:
    """Return the hooks that a file describes.

    :raises StartError: there is no such file, or it describes something else.
    """
    file = Path(path)
    try:
        tables = tables_in(file)
        mode = file.stat().st_mode
    except OSError:
        raise StartError(f"--chat-hooks: cannot read {path!r}") from None
    except ValueError as error:
        raise StartError(f"--chat-hooks: {error}") from None
    if mode & stat.S_IROTH:
        _log.warn("--chat-hooks: everybody on this machine can read {path!r}", path=path)
    return [_hook(path, room, table) for room, table in tables.items()]


def _hook(path: str, room: str, table: Any) -> Hook:
    def wrong(why: str) -> StartError:
        return StartError(f"--chat-hooks: {path}: [{room}]: {why}")

    if not isinstance(table, dict):
        raise wrong("need a table for each room")
    for key, value in table.items():
        if key not in _KINDS:
            raise wrong(f"unknown key {key!r}; need one of: {', '.join(_KINDS)}")
        if not isinstance(value, _KINDS[key]):
            raise wrong(f"{key}: need {'yes or no' if _KINDS[key] is bool else 'text'}")
    hook = Hook(room, **table)
    try:
        hook = Hook(checked_room(room), **{**table, "name": checked_name(hook.name)})
    except Refusal as refusal:
        raise wrong(refusal.text) from None
    if not (hook.token or hook.url):
        raise wrong("need a token, a url, or both")
    if hook.token and (len(hook.token) < LEAST_TOKEN or not hook.token.isascii()):
        raise wrong(f"token: need {LEAST_TOKEN} letters or more")
    if hook.url:
        _check_url(hook.url, wrong)
    return hook


def _check_url(url: str, wrong: Any) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not url.isascii() or not url.isprintable() or " " in url:
        raise wrong(f"url: {url!r} is no http:// or https:// URL")
    if parts.scheme == "https":
        try:
            import OpenSSL
            import service_identity  # noqa: F401 - Twisted checks certificates with it
        except ImportError:
            raise wrong("url: https needs pip install 'twisted_net[tls]'") from None
        del OpenSSL
