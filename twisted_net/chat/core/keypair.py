"""A key for life and keys for one session: Ed25519 (RFC 8032) and X25519 (RFC 7748). Pure.

Needs cryptography, of the extra ``tls``; only peers import it.
"""

from random import Random

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from twisted_net.chat.core.known import fingerprint, shown

#: Bytes of a private key.
SECRET = 32


class Keypair:
    """Somebody's key for life; `core.introduction.Identity` says what it is for.

    :param secret: 32 random bytes, which nothing shows again.
    :ivar public: 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        """Show what everybody may see."""
        return f"<Keypair {shown(fingerprint(self.public))}>"

    def sign(self, said: bytes) -> bytes:
        """Return a signature of 64 bytes; the same for the same."""
        return self._private.sign(said)

    def proves(self, public: bytes, proof: bytes, said: bytes) -> bool:
        """Say whether somebody's signature is right."""
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(proof, said)
        except (InvalidSignature, ValueError):
            return False
        return True

    def share(self, dice: Random) -> "KeyShare":
        """Return a key for one session."""
        return KeyShare(dice.randbytes(SECRET))


class KeyShare:
    """A key for one session.

    :param secret: 32 random bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._private = X25519PrivateKey.from_private_bytes(secret)
        self.public = self._private.public_key().public_bytes_raw()

    def agree(self, other: bytes) -> bytes:
        """Return what both sides make of their shares.

        :raises ValueError: the other one is none, or of the few with which the secret is none
            (RFC 7748, 6.1).
        """
        return self._private.exchange(X25519PublicKey.from_public_bytes(other))
