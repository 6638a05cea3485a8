"""What ``twistd --reactor=netdemo`` installs: the lean reactor, or the platform's own."""

from typing import Any

from twisted.logger import Logger

_log = Logger()


def install() -> None:
    """Install the lean reactor; where it cannot be, Twisted's default one, and say so."""
    try:
        made = _made()
    except ImportError as error:
        from twisted.internet.default import install as install_default

        install_default()
        _log.info("no lean reactor here, Twisted's own is used: {why}", why=str(error))
        return
    from twisted.internet.main import installReactor

    installReactor(made)


def why_not() -> str:
    """Return why there can be no lean reactor here; empty if there can."""
    try:
        made = _made()
    except ImportError as error:
        return str(error)
    for reader in list(made._internalReaders):
        made.removeReader(reader)
        reader.connectionLost(None)
    made._poller.close()
    return ""


def _made() -> Any:
    """Make a lean reactor.

    :raises ImportError: there is no epoll, or this is another Twisted.
    """
    from twisted_net.net.fast.reactor import LeanReactor

    return LeanReactor()
