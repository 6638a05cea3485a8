"""Which metrics there are, made from what the doors counted and what the processes use: pure."""

from collections.abc import Callable, Iterable

from twisted_net.net.counters import DoorCounters
from twisted_net.net.health import Measured, Phase, Usage
from twisted_net.watch.codec import Family, Sample

#: The limit that was hit, by the reason under which a door counts what it refused; see
#: ``netdemo limits``.
LIMITS = {
    "too_many_all": "max_conns",
    "too_many_peer": "max_conns_per_peer",
    "send_queue_full": "max_send_queue",
    "too_fast": "udp_rate",
    "no_first_message": "first_message",
    "idle": "idle",
    "line_too_long": "message_size",
    "slowed": "message_rate",
    "too_many_sessions": "sessions",
    "too_many_proxy": "proxy_waiting",
}

Doors = Iterable[tuple[str, DoorCounters]]


def families(measured: Measured, phase: Phase, version: str) -> list[Family]:
    """Return the metrics of a server.

    :param phase: where the process stands that was asked.
    """
    doors = list(measured.doors.items())
    ready = Sample(int(phase is Phase.READY))
    return [
        Family("netdemo_info", "gauge", "1; what runs here.", [_labelled(1, version=version)]),
        Family("netdemo_ready", "gauge", "Whether all doors are open and take new work.", [ready]),
        *_of_doors(doors),
        *_of_processes(measured.usage),
    ]


def _of_doors(doors: list[tuple[str, DoorCounters]]) -> list[Family]:
    return [
        Family(
            "netdemo_connections",
            "gauge",
            "Connections that are open.",
            [_labelled(counters.open, door=door) for door, counters in doors],
        ),
        Family(
            "netdemo_connections_accepted_total",
            "counter",
            "Connections that were let in.",
            [_labelled(counters.accepted, door=door) for door, counters in doors],
        ),
        Family(
            "netdemo_bytes_total",
            "counter",
            "Bytes that came in and went out.",
            [*_both(doors, lambda c: (c.received, c.sent))],
        ),
        Family(
            "netdemo_datagrams_total",
            "counter",
            "Datagrams that came in and went out.",
            [*_both(doors, lambda c: (c.datagrams_received, c.datagrams_sent))],
        ),
        Family(
            "netdemo_queue_bytes",
            "gauge",
            "Bytes that wait for peers to read them.",
            [_labelled(counters.queued, door=door) for door, counters in doors],
        ),
        Family(
            "netdemo_dropped_total",
            "counter",
            "What was refused, cut off or thrown away.",
            [
                _labelled(times, door=door, reason=reason)
                for door, counters in doors
                for reason, times in counters.dropped.items()
            ],
        ),
        Family(
            "netdemo_limit_hits_total",
            "counter",
            "How often a limit has refused something; part of what was dropped.",
            [
                _labelled(counters.dropped.get(reason, 0), door=door, limit=limit)
                for door, counters in doors
                for reason, limit in LIMITS.items()
                if reason in counters.dropped
            ],
        ),
    ]


def _of_processes(usage: Usage) -> list[Family]:
    """Return what processes use, under the names that client libraries of Prometheus give it."""
    found: list[tuple[str, str, float | None]] = [
        ("process_resident_memory_bytes", "Resident memory.", usage.memory),
        ("process_open_fds", "Open file descriptors.", usage.descriptors),
        ("process_max_fds", "File descriptors that there may be.", usage.most_descriptors),
        (
            "process_start_time_seconds",
            "When the first process was started, in seconds since 1970.",
            usage.began,
        ),
        (
            "netdemo_processes",
            "Processes that serve, and the one that started them.",
            usage.processes,
        ),
    ]
    cpu = Sample(round(usage.cpu, 6))
    return [
        Family("process_cpu_seconds_total", "counter", "Processor time, user and system.", [cpu]),
        *(
            Family(name, "gauge", meaning, [Sample(value)])
            for name, meaning, value in found
            if value is not None
        ),
    ]


def _both(doors: Doors, values: Callable[[DoorCounters], tuple[int, int]]) -> Iterable[Sample]:
    for door, counters in doors:
        received, sent = values(counters)
        yield _labelled(received, door=door, dir="in")
        yield _labelled(sent, door=door, dir="out")


def _labelled(value: float, **labels: str) -> Sample:
    return Sample(value, tuple(labels.items()))
