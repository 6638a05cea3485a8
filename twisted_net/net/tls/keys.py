"""Private keys and certificates from PEM files, with errors that say which file is wrong, and how.

All of it needs the extra ``tls``, and is imported where somebody wants TLS.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What is said where the extra is not installed.
MISSING = "TLS needs pyOpenSSL: pip install 'twisted_net[tls]'"


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key and its certificate.

    :ivar key: of cryptography.
    :ivar certificates: of cryptography; the key's own, then those that lead to who signed it.
    """

    key: Any
    certificates: tuple[Any, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The host names that the certificate is for, in lower case."""
        from cryptography import x509

        try:
            extension = self.certificates[0].extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
        except x509.ExtensionNotFound:
            return ()
        names = extension.value.get_values_for_type(x509.DNSName)
        return tuple(name.lower() for name in names)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, as browsers show it: ``AB:CD:…``."""
        from cryptography.hazmat.primitives import hashes

        return str(self.certificates[0].fingerprint(hashes.SHA256()).hex(":").upper())

    def options(self) -> Any:
        """Return what Twisted serves with: TLS 1.2 and newer."""
        from OpenSSL import crypto
        from twisted.internet.ssl import CertificateOptions

        own, *others = map(crypto.X509.from_cryptography, self.certificates)
        return CertificateOptions(
            privateKey=crypto.PKey.from_cryptography_key(self.key),
            certificate=own,
            extraCertChain=others or None,
        )


def read(key: Path, certificate: Path, chain: Path | None = None) -> Identity:
    """Read a key and its certificate; both may be in one file.

    :param chain: a file with the certificates between this one and who signed it all; they may as
        well follow the certificate in its own file.
    :raises ValueError: a file cannot be read, or holds something else; says which and what.
    """
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise ValueError(MISSING) from error
    data = _bytes(key)
    try:
        private = serialization.load_pem_private_key(data, None)
    except TypeError as error:
        raise ValueError(f"the private key in {str(key)!r} has a password") from error
    except Exception as error:  # of more kinds than cryptography promises
        raise ValueError(f"{str(key)!r} holds no PEM private key") from error
    certificates = _certificates(certificate)
    if not _fit(private, certificates[0]):
        raise ValueError(f"{str(certificate)!r} is not the certificate of {str(key)!r}")
    more = _certificates(chain) if chain is not None else ()
    return Identity(private, (*certificates, *more))


def _certificates(path: Path) -> tuple[Any, ...]:
    from cryptography import x509

    data = _bytes(path)
    try:
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} holds no PEM certificate") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{str(path)!r}: {(error.strerror or str(error)).lower()}") from error


def _fit(key: Any, certificate: Any) -> bool:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    kinds = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    keys = [each.public_key().public_bytes(*kinds) for each in (key, certificate)]
    return bool(keys[0] == keys[1])
