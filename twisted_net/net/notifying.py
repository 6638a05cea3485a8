"""What a service manager is told: that the server serves, that it lives, that it stops.

As systemd wants it (sd_notify(3), sd_watchdog_enabled(3)); where nobody asks, nothing is told.
"""

import re
import socket
from collections.abc import Mapping
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

#: How often in the time that the manager waits it is told that the server lives.
ALIVE = 2

_MICROSECONDS = re.compile(r"[0-9]{1,18}", re.ASCII)


def watchdog(environment: Mapping[str, str], pid: int) -> float | None:
    """Return the seconds within which the manager wants to hear of us; None: it does not."""
    text = environment.get("WATCHDOG_USEC", "")
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(text) / 1e6 if _MICROSECONDS.fullmatch(text) and int(text) else None


class Manager:
    """The service manager.

    :param environment: as `os.environ`.
    :param pid: our process.
    """

    log = Logger()

    def __init__(self, reactor: Any, environment: Mapping[str, str], pid: int) -> None:
        self._reactor = reactor
        self._where = environment.get("NOTIFY_SOCKET", "")
        self._watchdog = watchdog(environment, pid)
        self._living: LoopingCall | None = None
        self._heard = True

    def ready(self) -> None:
        """Tell that all doors are open; from now on also that we live, and when we stop."""
        if not self._where or self._living is not None:
            return
        self._tell("READY=1")
        self._living = LoopingCall(self._tell, "WATCHDOG=1")
        self._living.clock = self._reactor
        if self._watchdog is not None:
            self._living.start(self._watchdog / ALIVE)
        self._reactor.addSystemEventTrigger("before", "shutdown", self._stopping)

    def _stopping(self) -> None:
        # The watchdog goes on: a stop takes its grace period, and is no hang.
        self._tell("STOPPING=1")

    def _tell(self, state: str) -> None:
        where = "\0" + self._where[1:] if self._where.startswith("@") else self._where
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.setblocking(False)
                out.sendto(state.encode(), where)
        except BlockingIOError:
            return  # it has enough to read; the next one will do
        except OSError as error:
            if self._heard:
                self.log.warn("the service manager is not told: {why}", why=str(error))
            self._heard = False
        else:
            self._heard = True
