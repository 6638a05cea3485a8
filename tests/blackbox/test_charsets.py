"""Terminals whose charset is not UTF-8, and names and words that it does not have."""

import os
import subprocess
from pathlib import Path

from tests.blackbox.conftest import BIN, PATIENCE, free_ports, serving

WESTERN = {**os.environ, "PYTHONIOENCODING": "latin-1"}
NAME = "\N{CJK UNIFIED IDEOGRAPH-65E5}"


def test_names_and_words_that_a_terminal_cannot_show_are_escaped(tmp_path: Path) -> None:
    """The server shows a file's name at its start; clients those of files, and what others say."""
    (tmp_path / NAME).write_bytes(b"x")
    options = [*free_ports(), "--files-root", str(tmp_path)]
    with serving(BIN / "netdemo", "serve", *options, env=WESTERN) as bench:
        assert "\\u65e5" in bench.text

        def shown(*command: str, stdin: str = "") -> str:
            done = subprocess.run(
                [str(BIN / "netdemo"), *command],
                env=WESTERN,
                input=stdin.encode(),
                capture_output=True,
                timeout=PATIENCE,
                check=True,
            )
            return done.stdout.decode("latin-1")

        where = ["-s", f"127.0.0.1:{bench.port('files-tcp')}"]
        assert shown("ls", *where).endswith("\\u65e5\n")
        chat = ["--nick", "red", f"127.0.0.1:{bench.port('chat-tcp')}"]
        assert "<red> \\u65e5" in shown("chat", *chat, stdin=f"{NAME}\n/history\n")
