"""Several processes behind the same doors: ``--workers N``.

`fleet` opens the doors and starts the processes, each of which (`__main__`) serves them with an
assembly of its own; `process` is how the one sees the other, `codec` what they say to each other,
and `core` who is started again when.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted_net.assembly import Assembly, assemble
from twisted_net.net.service import INetService, Runtime
from twisted_net.settings import BenchSettings
from twisted_net.workers.fleet import Fleet

#: What serves: this process or several.
Server = Assembly | Fleet


def server(
    found: Sequence[INetService],
    settings: Mapping[type[Any], Any],
    chosen: Mapping[str, str],
    runtime: Runtime,
    announce: Callable[[Server], None],
    quiet: bool = False,
) -> Server:
    """Make the service that serves all doors, in one process or, with ``--workers``, in several.

    :param chosen: what ``settings`` were made of, as `settings.chosen` returns it.
    :param announce: called once all doors are open.
    :param quiet: a failing start is shown by whoever runs the service, not logged.
    """
    if settings[BenchSettings].workers == 1:
        return assemble(found, settings, runtime, announce, quiet)
    return Fleet(found, settings, chosen, runtime, announce, quiet)
