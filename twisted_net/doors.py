"""The doors of the services, closed, as the bench would open them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twisted.logger import Logger

from twisted_net.net import endpoints
from twisted_net.net.errors import StartError
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.tls.demo import PRIVATE, demo
from twisted_net.registry import BUILT_IN
from twisted_net.settings import BenchSettings, data_folder

_log = Logger()


def doors_of(
    service: INetService, settings: Mapping[type[Any], Any], runtime: Runtime
) -> list[Door]:
    """Return the doors of one service, closed, as the bench would open them.

    A third party's service that breaks is one line in the log, and has no doors.

    :raises StartError: what the service stands on is not there.
    """
    bench: BenchSettings | None = settings.get(BenchSettings)
    try:
        doors = service.doors(settings[service.settings], runtime)
        if bench is not None and bench.tls_demo:
            private = str(data_folder(bench) / PRIVATE)
            doors = [replace(each, endpoint=with_tls(each, private)) for each in doors]
        return doors
    except StartError:
        raise
    except Exception as error:
        if service in BUILT_IN:
            raise
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        _log.error("service ignored: {name!r}: {why}", name=service.name, why=why)
        return []


def with_tls(door: Door, private: str) -> str:
    """Return a door's endpoint with TLS, if it is one over TCP without.

    :param private: the file with key and certificate.
    """
    if door.kind == "datagram" or not door.endpoint.startswith(("tcp:", "tcp6:")):
        return door.endpoint
    return endpoints.encrypted(door.endpoint, private)


def notes(bench: BenchSettings, now: float) -> list[str]:
    """See to what the bench needs before its doors are opened; return what its user is to know.

    :raises StartError: it cannot be had.
    """
    if not bench.tls_demo:
        return []
    made = demo(data_folder(bench), bench.interface, now)
    return [
        f"TLS with a certificate that nobody has signed: {made.public}",
        f"SHA-256 {made.fingerprint}",
    ]
