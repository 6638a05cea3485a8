"""What a peer keeps on disk: its own key, and the keys of those it has met.

Both are in one folder, which only its owner may look into: ``peer.key`` (mode 0600) has 64
hexadecimal digits, ``known-peers`` a name and a fingerprint a line. The first line of a name
counts.
"""

import os
import re
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from twisted_net.chat.core.ident import checked_name
from twisted_net.chat.core.known import MOST_KNOWN, Known, fingerprint
from twisted_net.net.errors import SettingError

if TYPE_CHECKING:
    from twisted_net.chat.core.keypair import Keypair

_SECRET = re.compile(r"[0-9a-f]{64}\n?")
_LINE = re.compile(r"(?P<name>\S{1,72}) (?P<key>[0-9a-f]{64})")

#: Longest file that is read: as many lines as there may be, with the longest names, twice.
_LONGEST = 2 * MOST_KNOWN * 140


def folder() -> Path:
    """Return where both are kept, by the XDG base directory specification."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "netdemo"


def own_key(kept: Path) -> "Keypair":
    """Return one's own key; the first time it is made.

    :raises ImportError: cryptography is not installed.
    :raises OSError: it can be neither read nor written.
    :raises SettingError: the file holds none, or others may read it.
    """
    from twisted_net.chat.core.keypair import Keypair

    path = kept / "peer.key"
    try:
        with path.open() as opened:
            mode = os.fstat(opened.fileno()).st_mode & 0o777
            secret = opened.read(100)
    except FileNotFoundError:
        return Keypair(bytes.fromhex(_made(path)))
    except UnicodeDecodeError:
        secret, mode = "", 0
    if os.name == "posix" and mode & 0o077:
        raise SettingError(f"{str(path)!r}: others may read this key (mode {mode:o}); chmod 600")
    if not _SECRET.fullmatch(secret):
        raise SettingError(f"{str(path)!r}: no key; move the file away, and a new key is made")
    return Keypair(bytes.fromhex(secret))


def _made(path: Path) -> str:
    """Write a new key; return it, or that of whoever was faster."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(token_hex(32) + "\n")
        try:
            os.link(new, path)  # unlike a rename, it takes nobody's place
        except FileExistsError:
            pass
        except OSError:  # no links on this file system
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return path.read_text().strip()


class KnownFile(Known):
    """Those whom a peer has met, in a file.

    :raises SettingError: the file holds something else.
    :raises OSError: it cannot be read.
    """

    def __init__(self, kept: Path, most: int = MOST_KNOWN) -> None:
        self._path = kept / "known-peers"
        super().__init__(self._read(), most)

    def learn(self, name: str, public: bytes) -> str:
        """Remember somebody, in the file too."""
        checked_name(name)
        why = super().learn(name, public)
        if why:
            return why
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with os.fdopen(os.open(self._path, flags, 0o600), "a", encoding="utf-8") as opened:
                opened.write(f"{name} {fingerprint(public)}\n")
        except OSError as error:
            return f"{name} is remembered for now only: {self._path}: {error.strerror}"
        return ""

    def forget(self, name: str) -> bool:
        """Forget somebody, in the file too."""
        known = super().forget(name)
        if known:
            kept = [f"{each} {key}\n" for each, key in self._entries.values()]
            new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
            new.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8") as opened:
                opened.writelines(kept)
            new.replace(self._path)
        return known

    def _read(self) -> dict[str, str]:
        try:
            with self._path.open("rb") as opened:
                data = opened.read(_LONGEST + 1)
        except FileNotFoundError:
            return {}
        if len(data) > _LONGEST:
            raise SettingError(f"{str(self._path)!r}: longer than {_LONGEST} bytes; shorten it")
        entries: dict[str, str] = {}
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            match = _LINE.fullmatch(line)
            if match is None:
                want = "want a name and a fingerprint; mend the line or take it out"
                raise SettingError(f"{str(self._path)!r}: line {number}: {want}")
            entries.setdefault(match["name"], match["key"])
        return entries
