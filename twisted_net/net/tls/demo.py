"""A certificate to try TLS with, that this server has signed itself."""

import contextlib
import ipaddress
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twisted_net.net.errors import StartError
from twisted_net.net.tls import keys

#: How long a certificate is good for, and how long before its end another one is made, in days.
DAYS, RENEWED = 365, 30

#: The file with the private key, which nobody else may read, and the one for the clients.
PRIVATE, PUBLIC = "tls-demo.pem", "tls-demo.crt"


@dataclass(frozen=True, slots=True)
class Demo:
    """A certificate in a folder.

    :ivar private: the file with key and certificate.
    :ivar public: the file with the certificate alone, for ``--ca``.
    """

    private: Path
    public: Path
    fingerprint: str


def demo(folder: Path, interface: str, now: float) -> Demo:
    """Return the certificate that a folder holds; make it where there is none that will do.

    :param interface: the address that the doors listen on, for which it is good too.
    :param now: seconds since 1970.
    :raises StartError: it cannot be made, or not be kept.
    """
    private, public = folder / PRIVATE, folder / PUBLIC
    names = [*dict.fromkeys(["localhost", platform.node().lower()[:64] or "localhost"])]
    addresses = [*dict.fromkeys(["127.0.0.1", "::1", *_one(interface)])]
    today = datetime.fromtimestamp(now, UTC)
    try:
        kept = _kept(private)
        if kept is None or not _will_do(kept, names, addresses, today):
            kept = _made(names, addresses, today)
            _keep(folder, private, public, kept)
    except ImportError as error:
        raise StartError(f"--tls-demo: {keys.MISSING}") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StartError(f"--tls-demo: {error.filename or str(folder)!r}: {why}") from error
    return Demo(private, public, kept.fingerprint)


def _one(interface: str) -> list[str]:
    address = ipaddress.ip_address(interface)
    return [] if address.is_unspecified else [str(address)]


def _kept(private: Path) -> keys.Identity | None:
    if not private.exists():
        return None
    try:
        return keys.read(private, private)
    except ValueError:
        return None


def _will_do(kept: keys.Identity, names: list[str], addresses: list[str], today: datetime) -> bool:
    from cryptography import x509

    own = kept.certificates[0]
    subject = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    there = {str(each) for each in subject.get_values_for_type(x509.IPAddress)}
    good = own.not_valid_before_utc <= today <= own.not_valid_after_utc - timedelta(days=RENEWED)
    return good and {*names} <= {*kept.names} and {*addresses} <= there


def _made(names: list[str], addresses: list[str], today: datetime) -> keys.Identity:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "netdemo --tls-demo")])
    hosts: list[Any] = [x509.DNSName(each) for each in names]
    hosts += [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return keys.Identity(key, (made,))


def _keep(folder: Path, private: Path, public: Path, made: keys.Identity) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    secret: bytes = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown: bytes = made.certificates[0].public_bytes(Encoding.PEM)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(private, secret + shown, 0o600)
    _write(public, shown, 0o644)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all, and for nobody to read before it has its mode."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(data)
        os.fchmod(descriptor, mode)
    new.replace(path)
