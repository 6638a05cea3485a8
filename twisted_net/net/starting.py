"""A start that fails: one line says why, whoever runs the service."""

import sys
from typing import Any

from twisted.logger import Logger

from twisted_net.net.errors import StartError

_log = Logger()


def not_started(error: StartError, quiet: bool) -> None:
    """See to it that the error of a failing start is shown in one line.

    :param quiet: whoever runs the service shows it; it is not logged.
    """
    if not quiet:
        _log.error("netdemo: {why}", why=str(error))
    # twistd lets an exception through, and with it a traceback, which is no help against a port
    # in use. SystemExit would be shown in one line too, but would leave the pid file behind and,
    # daemonised, the parent waiting for ever.
    sys.excepthook = _in_one_line


def _in_one_line(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if issubclass(kind, StartError) and sys.__stderr__ is not None:
        sys.__stderr__.write(f"netdemo: {error}\n")
    else:
        sys.__excepthook__(kind, error, trace)
