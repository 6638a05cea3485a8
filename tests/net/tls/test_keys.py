"""Tests of `twisted_net.net.tls.keys`."""

import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("OpenSSL", reason="TLS is not installed (the extra tls)")

from twisted_net.net.tls import keys
from twisted_net.net.tls.demo import PRIVATE, PUBLIC, demo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a key and a certificate."""
    demo(tmp_path, "192.0.2.7", time.time())
    return tmp_path


def test_key_and_certificate_are_read_from_one_file_or_two(folder: Path) -> None:
    """And the certificate is good for the hosts that it names."""
    private, public = folder / PRIVATE, folder / PUBLIC
    both, split = keys.read(private, private), keys.read(private, public)
    assert both.certificates == split.certificates
    assert "localhost" in both.names
    assert len(both.fingerprint) == 32 * 3 - 1


def test_what_follows_the_certificate_leads_to_who_signed_it(folder: Path) -> None:
    """In its own file, or in one for that."""
    private, public = folder / PRIVATE, folder / PUBLIC
    chain = folder / "chain.pem"
    chain.write_bytes(public.read_bytes() * 2)
    assert len(keys.read(private, public, chain).certificates) == 3
    assert len(keys.read(private, chain).certificates) == 2


@pytest.mark.parametrize(
    ("key", "certificate", "why"),
    [
        ("nope", PUBLIC, "'nope': no such file or directory"),
        ("junk", PUBLIC, "'junk' holds no PEM private key"),
        (PUBLIC, PUBLIC, "'tls-demo.crt' holds no PEM private key"),
        (PRIVATE, "nope", "'nope': no such file or directory"),
        (PRIVATE, "junk", "'junk' holds no PEM certificate"),
        (PRIVATE, "other/tls-demo.crt", "'other/tls-demo.crt' is not the certificate of"),
        ("locked", PUBLIC, "the private key in 'locked' has a password"),
        (".", PUBLIC, "'.': is a directory"),
    ],
)
def test_a_file_that_will_not_do_is_named(
    key: str, certificate: str, why: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it should have been."""
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
    )

    locked = keys.read(folder / PRIVATE, folder / PUBLIC).key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    (folder / "locked").write_bytes(locked)
    (folder / "junk").write_bytes(b"-----BEGIN CERTIFICATE-----\n\xff\n")
    demo(folder / "other", "192.0.2.7", time.time())
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match="^" + why):
        keys.read(Path(key), Path(certificate))


def test_where_tls_is_not_installed_it_is_said_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is not for everybody."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(ValueError, match="TLS needs pyOpenSSL: pip install"):
        keys.read(Path("a"), Path("b"))
