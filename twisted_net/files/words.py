"""Which servers and names the words of a command line mean."""

import re
from dataclasses import dataclass, replace

from twisted_net.files.client.urls import parse_url
from twisted_net.files.settings import FilesSettings
from twisted_net.net import endpoints
from twisted_net.net.clients import Target, Trust, has_scheme, parse_target, trusting
from twisted_net.net.errors import SettingError

_HOST = "127.0.0.1"

#: How a URL begins.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

#: What is more likely meant as a server than as a name: an address, or a port behind a host.
_LIKE_A_SERVER = re.compile(
    r"([0-9]{1,3}\.){3}[0-9]{1,3}|\[[0-9A-Fa-f:.]+\](:[0-9]+)?|localhost|[^/:\s]+:[0-9]{1,5}",
    re.ASCII,
)

#: What a user is told to write.
WANTED = "want tcp:HOST[:PORT], tcp://, tftp://, http:// or https://HOST[:PORT][/NAME]"


def like_a_server(word: str) -> bool:
    """Say whether a word that was taken for a name is more likely an address."""
    return _LIKE_A_SERVER.fullmatch(word) is not None


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked, for what.

    :ivar name: for ``http`` and ``https`` the URL; empty: all that there is.
    :ivar mode: of TFTP: ``octet`` or ``netascii``.
    """

    target: Target
    name: str
    mode: str = "octet"

    @property
    def web(self) -> bool:
        """Whether it is asked by HTTP."""
        return self.target.scheme in ("http", "https")


def over_tls(asked: Asked, trust: Trust | None) -> Asked:
    """Return what is asked over TLS, if there is somebody to trust; raises SettingError."""
    if trust is not None and asked.target.scheme == "http":
        raise SettingError(f"--tls: {asked.name!r} is without; write https://")
    return replace(asked, target=trusting(asked.target, trust))


def read_words(words: tuple[str, ...], server: str | None, use_tftp: bool) -> list[Asked]:
    """Tell servers from names.

    A word with a scheme is a server, or a server with a name; the names behind it are asked of
    the same one. With a server given by an option all words are names, but URLs of the web.

    :raises SettingError: a word is no server, no URL and no name.
    """
    target = target_of(server or _HOST, use_tftp)
    found: list[Asked] = []
    alone: Asked | None = None  # a server that nothing is asked of yet
    for word in words:
        match = _SCHEME.match(word)
        if match and match[1] in ("http", "https"):
            url = parse_url(word)
            found.append(Asked(Target(url.scheme, url.host, url.port), str(url)))
        elif server is not None or not (match or has_scheme(word)):
            found.append(Asked(target, word))
        else:
            asked = _server(word, use_tftp)
            target = asked.target
            alone = None if asked.name else asked
            found += [asked] if asked.name else []
            continue
        alone = None
    return [*found, alone] if alone else found


def _server(word: str, use_tftp: bool) -> Asked:
    match = _SCHEME.match(word)
    if match is None:
        return Asked(target_of(word, use_tftp), "")
    if match[1] not in ("tcp", "tftp", "udp"):
        raise SettingError(f"{word!r}: {WANTED}")
    if not word.partition("://")[2].partition("/")[2]:
        return Asked(target_of(word.rstrip("/"), use_tftp), "")
    url = parse_url(word.replace("udp://", "tftp://", 1))
    scheme = "tftp" if use_tftp else url.scheme
    target = Target(scheme, url.host, url.port or _default_port(scheme == "tftp"))
    return Asked(target, url.path, url.mode or "octet")


def target_of(text: str, use_tftp: bool) -> Target:
    """Read a server; raises SettingError."""
    use_tftp = use_tftp or text.startswith(("tftp:", "udp:"))
    target = parse_target(text, _default_port(use_tftp), "tcp")
    return replace(target, scheme="tftp") if use_tftp else target


def _default_port(use_tftp: bool) -> int:
    default = FilesSettings().tftp if use_tftp else FilesSettings().tcp
    return endpoints.parse(default, "datagram" if use_tftp else "stream").port
