"""The capabilities that the IRC door offers; each of them holds because a test does."""

from twisted_net.chat.core.ident import MAX_LINES, MAX_LINES_BYTES
from twisted_net.chat.core.irc.metadata import VALUE

OFFERED = {
    "account-notify": "",
    "account-tag": "",
    "away-notify": "",
    "batch": "",
    "cap-notify": "",
    "chghost": "",
    "draft/channel-rename": "",
    "draft/message-redaction": "",
    "draft/metadata-2": VALUE,
    "draft/pre-away": "",
    "draft/multiline": f"max-bytes={MAX_LINES_BYTES},max-lines={MAX_LINES}",
    "echo-message": "",
    "extended-join": "",
    "extended-monitor": "",
    "invite-notify": "",
    "labeled-response": "",
    "message-tags": "",
    "multi-prefix": "",
    "no-implicit-names": "",
    "server-time": "",
    "setname": "",
    "standard-replies": "",
    "userhost-in-names": "",
}
