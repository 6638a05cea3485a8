"""Tests of `twisted_net.net.tls.demo`."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("OpenSSL", reason="TLS is not installed (the extra tls)")

from twisted_net.net.errors import StartError
from twisted_net.net.tls.demo import DAYS, PRIVATE, RENEWED, demo

NOW = 1_800_000_000.0
DAY = 86400.0


def test_a_certificate_is_made_once_and_kept(tmp_path: Path) -> None:
    """For clients to learn its fingerprint once; nobody else may read the key."""
    made = demo(tmp_path / "new" / "data", "127.0.0.1", NOW)
    again = demo(tmp_path / "new" / "data", "0.0.0.0", NOW + DAY)  # noqa: S104 - no socket
    assert again == made
    assert oct(made.private.stat().st_mode & 0o777) == "0o600"
    assert oct(made.public.stat().st_mode & 0o777) == "0o644"
    assert oct(made.private.parent.stat().st_mode & 0o777) == "0o700"
    assert b"PRIVATE" in made.private.read_bytes()
    assert b"PRIVATE" not in made.public.read_bytes()
    assert len([*made.private.parent.iterdir()]) == 2


@pytest.mark.parametrize(
    ("interface", "now"),
    [
        ("192.0.2.7", NOW),
        ("2001:db8::7", NOW),
        ("127.0.0.1", NOW + (DAYS - RENEWED + 1) * DAY),
        ("127.0.0.1", NOW - 9 * DAY),
    ],
)
def test_another_is_made_where_it_will_not_do(tmp_path: Path, interface: str, now: float) -> None:
    """For another address, or soon no more, or not yet."""
    first = demo(tmp_path, "127.0.0.1", NOW)
    second = demo(tmp_path, interface, now)
    assert second.fingerprint != first.fingerprint
    assert demo(tmp_path, interface, now) == second


def test_what_is_none_is_replaced(tmp_path: Path) -> None:
    """A file that was cut short, say, or somebody else's."""
    (tmp_path / PRIVATE).write_bytes(b"junk")
    made = demo(tmp_path, "127.0.0.1", NOW)
    assert demo(tmp_path, "127.0.0.1", NOW) == made


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    """Which names it."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StartError, match=r"^--tls-demo: '.*/file/data.*': not a directory$"):
        demo(tmp_path / "file" / "data", "127.0.0.1", NOW)


def test_where_tls_is_not_installed_it_is_said_how_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is not for everybody."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(StartError, match=r"^--tls-demo: TLS needs pyOpenSSL: pip install"):
        demo(tmp_path, "127.0.0.1", NOW)
