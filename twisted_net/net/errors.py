"""Every error this package raises on purpose; the type says who is to blame."""

#: What a command exits with that Ctrl-C has ended before it ran, as if SIGINT had.
INTERRUPTED = 130


class NetError(Exception):
    """Root of every error this package raises on purpose."""


class LocalProtocolError(NetError):
    """Our own caller broke the protocol; nothing was sent."""


class RemoteProtocolError(NetError):
    """The peer broke the protocol.

    :ivar reply: bytes to say before hanging up; may be empty.
    """

    def __init__(self, why: str, reply: bytes = b"") -> None:
        super().__init__(why)
        self.reply = reply


class SettingError(NetError):
    """A value on the command line, in the environment or in a file is of no use.

    The message is what the user sees: it names the option, the value and what was wanted.
    """


class StartError(NetError):
    """A door did not open, or what it serves is not there; nothing was left open.

    The message is what the user sees: its first 80 characters carry the fact.
    """

    # A daemon's parent shows the first 100 bytes of "module.Class: message"; only builtins are
    # shown without their module, and the module would push the message's end out.
    __module__ = "builtins"


class ClientError(NetError):
    """What a command wanted did not happen; the message is what the user sees.

    :cvar exit_code: what the command exits with.
    """

    exit_code = 1


class ConnectError(ClientError):
    """The address could not be resolved, or nobody answers there."""

    exit_code = 3


class NoAnswerError(ClientError):
    """The peer took longer than it was given."""

    exit_code = 4


class BadAnswerError(ClientError):
    """The peer answered against its protocol, or what it sent is not what it promised."""

    exit_code = 5
