"""What is wanted of each row, as data, and whether it was met."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.figures import Ratio, ratio
from bench.rounds import Measured


@dataclass(frozen=True, slots=True)
class Aim:
    """A server wants to be ``times`` as fast as a peer on the rows whose names match.

    :ivar by_cpu: whether only processor time counts, however fast each of them was.
    """

    rows: str
    peer: str
    times: float
    server: str = "netdemo"
    by_cpu: bool = False


AIMS = (
    Aim(".*", "twisted", 1.0),
    Aim("tcp-(50x64|500x1k|50x64-p8)", "asyncio", 1.15),
    Aim("tcp-(50x64|500x1k|50x64-p8)", "uvloop", 0.95),
    Aim("tcp-(50x64|500x1k|50x64-p8)", "c", 0.80),
    Aim("tcp-1x64", "asyncio", 1.05),
    Aim("tcp-1x64", "uvloop", 0.93),
    Aim("tcp-1x64", "c", 0.85),
    Aim("tcp-1x64", "uvloop", 1.2, "netdemo-spin"),
    Aim("tcp-1x64", "c", 1.1, "netdemo-spin"),
    Aim("tcp-churn", "asyncio", 1.5),
    Aim("tcp-churn", "uvloop", 0.8),
    Aim("tcp-stream-[14]", "asyncio", 1.0),
    Aim("tcp-stream-[14]", "uvloop", 1.0),
    Aim("tcp-stream-[14]", "c", 0.8),
    Aim("udp-(window32|trains)", "asyncio", 2.5),
    Aim("udp-(window32|trains)", "uvloop", 1.8),
    Aim("udp-(window32|trains)", "c", 1.0),
    Aim("udp-window1", "asyncio", 1.05),
    Aim("udp-window1", "uvloop", 0.95),
    Aim("tftp-(512|1428)x16", "atftpd", 1.7),
    Aim("tftp-(512|1428)x64", "atftpd", 2.5),
    Aim("tftp-8192x(16|64)", "atftpd", 1.0),
    Aim("tftp-[0-9]+x1", "tftpd-hpa", 0.75),
    Aim("tftp-[0-9]+x1", "tftpd-hpa", 1.15, "netdemo-spin"),
    Aim("tftp-50-clients", "tftpd-hpa", 1.0),
    Aim("tftp-50-clients", "atftpd", 1.0),
    Aim("tftp-50-clients", "dnsmasq", 1.0),
    # What limits and counters may cost.
    Aim("(tcp|udp)-.*", "unguarded", 0.95),
    Aim("files-large(-read)?", "nginx", 1.0),
    Aim("files-large(-read)?", "twistd-web", 5.0),
    Aim("files-large(-read)?", "twisted", 5.0),
    Aim("files-large(-read)?", "nginx", 1.0, "netdemo-web"),
    Aim("files-small", "nginx", 0.8),
    Aim("files-small", "uvloop", 1.15),
    Aim("files-small-churn", "nginx", 0.6),
    Aim("files-small-churn", "uvloop", 1.0),
    # At most 1.2 times the processor time of ngircd for each message that a member hears.
    Aim("chat-(lone|burst)", "ngircd", 0.83, by_cpu=True),
    Aim("chat-join", "ngircd", 1.0),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An aim, on one row; ``ratio`` is None where one of the two was not measured."""

    row: str
    aim: Aim
    ratio: Ratio | None

    @property
    def met(self) -> bool | None:
        """Whether it was reached, to the two digits that are shown; None: nobody can tell."""
        if self.ratio is None:
            return None
        decides = self.ratio.cpu if self.aim.by_cpu else self.ratio.decides
        return None if decides is None else round(decides, 2) >= self.aim.times


def judge(measured: Sequence[Measured], aims: Sequence[Aim] = AIMS) -> Iterator[Verdict]:
    """Yield what became of each aim whose servers were asked for, row by row."""
    for each in measured:
        asked = {server.name for server in each.row.servers}
        for aim in aims:
            if re.fullmatch(aim.rows, each.row.name) and {aim.server, aim.peer} <= asked:
                ours = each.samples.get(aim.server)
                theirs = each.samples.get(aim.peer)
                yield Verdict(each.row.name, aim, ratio(ours, theirs) if ours and theirs else None)
