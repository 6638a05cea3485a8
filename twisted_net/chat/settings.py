"""How the chat is run: its settings, and what the files hold that they name."""

import re
from dataclasses import dataclass
from typing import Any

from twisted.internet.endpoints import clientFromString

from twisted_net.chat.codec.charsets import CHARSETS, UTF_8, charset_of
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.core.ident import checked_room
from twisted_net.chat.core.words import Words
from twisted_net.chat.doors.outlet import QUEUE
from twisted_net.chat.doors.stream import RATE
from twisted_net.chat.gateways import read as gateways_in
from twisted_net.chat.opers import read as operators_in
from twisted_net.net import endpoints
from twisted_net.net.settings import YES_NO, Reading, setting, size, text_in, whole


def _read_lobby(text: str) -> str:
    try:
        return checked_room(text) if text else ""
    except Refusal as refusal:
        raise ValueError(f"need a {refusal.text}; empty: none") from None


_KEPT = re.compile(r"(\d{1,6})([smhd])")
#: What the letter behind a time stands for.
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _read_keep(text: str) -> str:
    if text != "0" and not _KEPT.fullmatch(text):
        raise ValueError("need a time, as 30d, 12h, 90m or 45s; 0: nothing is kept")
    return text


def _read_charset(text: str) -> str:
    try:
        return charset_of(text)
    except Refusal as refusal:
        raise ValueError(f"need a {refusal.text}") from None


def _read_words(text: str) -> str:
    """Return the file's name, if it can be read."""
    if text:
        words_in(text)
    return text


def _read_password(text: str) -> str:
    """Return the file's name, if there is a password in it."""
    password_in(text)
    return text


def _read_operators(text: str) -> str:
    """Return the file's name, if it can be read."""
    if text:
        operators_in(text)
    return text


def _read_gateways(text: str) -> str:
    """Return the file's name, if it can be read."""
    if text:
        gateways_in(text)
    return text


_POLICY = re.compile(r"(?:(\d{1,6})([smhd])|0)(?::([1-9]\d{0,4}))?", re.ASCII)


def policy_in(text: str) -> tuple[int, int]:
    """Return for how many seconds IRC clients are to come over TLS alone, and to which port.

    :return: 0 seconds: no more; port 0: that of the endpoint.
    :raises ValueError: it is nothing of the kind.
    """
    match = _POLICY.fullmatch(text)
    if match is None or int(match[3] or 0) > 65535:
        raise ValueError("need a time, as 30d or 12h, or 0, with :PORT behind it where needed")
    return int(match[1] or 0) * SECONDS[match[2] or "s"], int(match[3] or 0)


def _read_policy(text: str) -> str:
    if text:
        policy_in(text)
    return text


_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
_NETWORK = re.compile(r"[A-Za-z0-9._-]{1,32}")


def _read_server(text: str) -> str:
    if text and not _SERVER.fullmatch(text):
        raise ValueError("need a host name: 1-63 letters, digits, dots or dashes")
    return text


def _read_network(text: str) -> str:
    if not _NETWORK.fullmatch(text):
        raise ValueError("need 1-32 letters, digits, dots, dashes or underscores")
    return text


_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d{1,5})?")


def _read_origins(text: str) -> str:
    origins = [each.strip().lower() for each in text.split(",") if each.strip()]
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError("need origins, as https://chat.example.org,http://192.0.2.7:8080")
    return ",".join(origins)


def words_in(path: str) -> Words:
    """Return the words in a file, one a line; what follows a ``#`` is a remark.

    :raises ValueError: there is no such file, or it is not UTF-8.
    """
    lines = text_in(path).splitlines()
    return Words(word for line in lines if (word := line.partition("#")[0].strip()))


def password_in(path: str) -> str:
    """Return the password in a file: its first line; none: no file.

    :raises ValueError: there is no such file, or no password in it.
    """
    if not path:
        return ""
    password = text_in(path).partition("\n")[0].strip()
    if not password:
        raise ValueError("its first line is empty")
    return password


_REDIS = "redis:"
_WANTED = "need redis:tcp:HOST:PORT or redis:unix:PATH"


def _read_bus(text: str) -> str:
    if not text:
        return text
    kind, _, endpoint = text.partition(":")
    if f"{kind}:" != _REDIS:
        raise ValueError(f"{_WANTED}; empty: this process")
    try:
        nobody: Any = None  # nothing is opened
        if endpoint.partition(":")[0] not in ("tcp", "unix"):
            raise ValueError(endpoint)
        clientFromString(nobody, endpoint)
    except (TypeError, ValueError) as error:
        raise ValueError(_WANTED) from error
    return text


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """How to run the chat."""

    tcp: str = setting(
        "tcp:7008", "Chat over TCP listens here; empty closes it.", endpoints.reading("stream")
    )
    udp: str = setting(
        "udp:7008", "Chat over UDP listens here; empty closes it.", endpoints.reading("datagram")
    )
    ipmsg: str = setting(
        "",
        "IP Messenger over UDP listens here, as udp:2425:interface=0.0.0.0; empty: closed.",
        endpoints.reading("datagram"),
        "ipmsg",
    )
    ipmsg_room: str = setting(
        "",
        "The room that all neighbours of IP Messenger are in; empty: none.",
        Reading("ROOM", _read_lobby),
        "ipmsg-room",
    )
    lobby: str = setting(
        "lobby",
        "The room that everybody enters on choosing a name; empty: none.",
        Reading("ROOM", _read_lobby),
    )
    queue: int = setting(
        QUEUE,
        "Bytes that may wait for one member; above it the member is dropped.",
        size(4096, 1 << 30),
        limit=True,
    )
    rate: int = setting(
        int(RATE),
        "Commands a second from one member, after five seconds' worth at once; 0: no limit.",
        whole(0, 1_000_000),
    )
    keep: str = setting(
        "30d",
        "How long history keeps what is said, as 30d, 12h, 90m; 0: nothing is kept.",
        Reading("TIME", _read_keep),
    )
    store: str = setting(
        "",
        "A SQLite file for history, accounts, rooms and bans; empty: they end with the server.",
        Reading("FILE", str),
    )
    register: bool = setting(True, "Whether strangers may make accounts.", YES_NO)
    auth: str = setting(
        "",
        "Accounts that somebody else looks after, as file:PASSWORDS; see twisted.cred.strcred.",
        Reading("CHECKER", str),
        option="auth",
    )
    hooks: str = setting(
        "",
        "A TOML file of webhooks: who may say something in a room, and who is told what is said.",
        Reading("FILE", str),
    )
    words: str = setting(
        "",
        "A file of words, one a line, that are not said in rooms: stars stand for them.",
        Reading("FILE", _read_words),
    )
    charset: str = setting(
        UTF_8,
        f"What the line door speaks: {', '.join(CHARSETS)}; a member may choose another one.",
        Reading("NAME", _read_charset),
    )
    irc: str = setting(
        "tcp:6667",
        "Chat for IRC clients listens here; empty closes it.",
        endpoints.reading("stream"),
        option="irc",
    )
    irc_tls: str = setting(
        "",
        "The same over TLS, as ssl:6697:privateKey=key.pem:certKey=cert.pem.",
        endpoints.reading("stream"),
        option="irc-tls",
    )
    irc_sts: str = setting(
        "",
        "Tell IRC clients to come to --irc-name over TLS alone, for so long: 30d, or 30d:PORT where"
        " others see another port; 0: no more; empty: say nothing.",
        Reading("TIME[:PORT]", _read_policy),
        option="irc-sts",
    )
    irc_legacy: str = setting(
        "",
        "The same for older clients, in the charset of --irc-legacy-charset.",
        endpoints.reading("stream"),
        option="irc-legacy",
    )
    irc_legacy_charset: str = setting(
        "gb18030",
        "What --irc-legacy speaks.",
        Reading("NAME", _read_charset),
        option="irc-legacy-charset",
    )
    irc_name: str = setting(
        "",
        "What IRC clients see as the server's name; empty: this machine's.",
        Reading("HOST", _read_server),
        option="irc-name",
    )
    irc_network: str = setting(
        "netdemo",
        "What IRC clients see as the network's name.",
        Reading("NAME", _read_network),
        option="irc-network",
    )
    irc_password: str = setting(
        "",
        "A file with the password that IRC clients must give; empty: none.",
        Reading("FILE", _read_password),
        option="irc-password",
    )
    irc_web: bool = setting(
        True,
        "Whether IRC clients in browsers may come over WebSocket, at /irc of the web door.",
        YES_NO,
        option="irc-web",
    )
    irc_web_origins: str = setting(
        "",
        "Whose pages may do so, besides this server's own, as https://chat.example.org.",
        Reading("ORIGIN,ORIGIN", _read_origins),
        option="irc-web-origins",
    )
    irc_gateways: str = setting(
        "",
        "A file of gateways that may say for whom they connect (WEBIRC):"
        " python -m twisted_net.chat.gateways NETWORK makes its lines.",
        Reading("FILE", _read_gateways),
        option="irc-gateways",
    )
    opers: str = setting(
        "",
        "A file of server operators: python -m twisted_net.chat.opers NAME makes its lines.",
        Reading("FILE", _read_operators),
    )
    bus: str = setting(
        "",
        "What several nodes share the chat through: redis:tcp:127.0.0.1:6379; empty: this process.",
        Reading("BUS", _read_bus),
    )
    bus_password: str = setting(
        "",
        "A file that holds the password of the bus; empty: it wants none.",
        Reading("FILE", _read_password),
    )
