"""netdemo's own echo doors, without the limits and counters that the assembly puts round them.

The reactor is the one that ``netdemo serve`` would use: ``netdemo``, where there is one.
"""

from typing import Any

from twisted.application.reactors import getReactorTypes, installReactor

from twisted_net.echo.service import EchoSettings, echo
from twisted_net.net import listening
from twisted_net.net.service import Runtime


def main() -> None:
    """Serve until killed."""
    if "netdemo" in [each.shortName for each in getReactorTypes()]:
        installReactor("netdemo")
    from twisted.internet import reactor as installed

    reactor: Any = installed
    settings = EchoSettings(tcp="tcp:0", udp="udp:0")
    for door in echo.doors(settings, Runtime(reactor)):
        port: Any = listening.listen(reactor, door, door.serve, "127.0.0.1")
        print(door.name, f"127.0.0.1:{port.getHost().port}", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
