"""Strict transport security: a policy that clients come over TLS alone (IRCv3 sts)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """What clients are told of how to come from now on.

    :ivar seconds: how long they keep to it; 0: it is taken back.
    :ivar port: of the door that speaks TLS.
    :ivar host: the name of the server that it is for.
    """

    seconds: int
    port: int
    host: str

    def told(self, tls: bool, asked: str) -> str:
        """Return the value of the capability ``sts``; empty: this client is told nothing.

        :param tls: whether it came over TLS.
        :param asked: the host that it asked for there (RFC 6066, 3); empty: none, or nobody that
            it might trust says who is there.
        """
        if not self.seconds:
            return "duration=0" if tls else ""
        if not tls:
            return f"port={self.port},duration={self.seconds}"
        # Who came to another name, which the certificate may be for too, is not bound: that its
        # plain door is wanted no more nobody has said.
        return f"duration={self.seconds}" if asked.lower() == self.host.lower() else ""
