"""How files are shared: the settings of the service."""

import os
from dataclasses import dataclass

from twisted_net.files.tftp.codec import LARGEST_BLKSIZE, SMALLEST_BLKSIZE
from twisted_net.files.tftp.core.options import WIDEST, WINDOWSIZE
from twisted_net.net import endpoints
from twisted_net.net.settings import YES_NO, Reading, seconds, setting, size, whole


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """How to share files."""

    tcp: str = setting(
        "tcp:7009", "Files over TCP listen here; empty closes it.", endpoints.reading("stream")
    )
    tftp: str = setting(
        "udp:7069",
        "Files over TFTP listen here; empty closes it.",
        endpoints.reading("datagram"),
        option="tftp",
    )
    http: bool = setting(True, "Show the files on the web door too, under /files/.", YES_NO)
    root: str = setting(
        "",
        "The folder to share; empty: a few files to try it with.",
        Reading("FOLDER", os.path.expanduser),  # no shell does it behind a "="
    )
    i_know: bool = setting(
        False,
        "Share the root of the file system, if --files-root says so: every file that there is.",
        YES_NO,
        option="i-know",
    )
    hidden: bool = setting(
        False, "Share also what has a dot at the beginning of its name, as .ssh.", YES_NO
    )
    write: bool = setting(
        False,
        "Let everybody who reaches the TCP or the web door put files into --files-root.",
        YES_NO,
    )
    quota: int = setting(
        1 << 30,
        "Bytes that the whole folder may take, with what is put there.",
        size(0, 1 << 60),
        limit=True,
    )
    overwrite: bool = setting(
        False, "Let files that are there be replaced by those that are put there.", YES_NO
    )
    transfers: int = setting(
        64, "Files on their way at one time, through each door.", whole(1, 100_000), limit=True
    )
    first_request: float = setting(
        30.0, "Seconds that a client of the TCP door has for its first line.", seconds(0.1, 86400)
    )
    tftp_blksize: int = setting(
        LARGEST_BLKSIZE,
        "Largest block that TFTP agrees to; 1428 fits one Ethernet frame.",
        size(SMALLEST_BLKSIZE, LARGEST_BLKSIZE),
        option="tftp-blksize",
    )
    tftp_windowsize: int = setting(
        WINDOWSIZE,
        "Widest window, in blocks, that TFTP agrees to (RFC 7440).",
        whole(1, WIDEST),
        option="tftp-windowsize",
    )
    tftp_rollover: int = setting(
        0,
        "TFTP's block number after 65535, where the client names none: 0 or 1.",
        whole(0, 1),
        option="tftp-rollover",
    )
    tftp_per_peer: int = setting(
        32,
        "TFTP transfers of one address at one time.",
        whole(1, 100_000),
        option="tftp-per-peer",
        limit=True,
    )
    tftp_write: bool = setting(
        False,
        "Let everybody who reaches the TFTP door put files into --files-root.",
        YES_NO,
        option="tftp-write",
    )
    tftp_require_options: bool = setting(
        False,
        "Refuse TFTP requests without options: their first answer is larger than they are.",
        YES_NO,
        option="tftp-require-options",
    )
    tftp_single_port: bool = setting(
        False,
        "Answer all of TFTP from the one port, for networks that let nothing else through.",
        YES_NO,
        option="tftp-single-port",
    )
