"""What ``twistd --reactor=netdemo`` installs: the lean reactor, or the platform's own."""

from twisted.logger import Logger

_log = Logger()


def install() -> None:
    """Install the lean reactor; where it cannot be, Twisted's default one, and say so."""
    try:
        from twisted_net.net.fast.reactor import LeanReactor

        made = LeanReactor()
    except ImportError as error:  # no epoll, or another Twisted
        from twisted.internet.default import install as install_default

        install_default()
        _log.info("no lean reactor here, Twisted's own is used: {why}", why=str(error))
        return
    from twisted.internet.main import installReactor

    installReactor(made)
