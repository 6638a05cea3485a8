"""The chat's codecs: bytes to messages and back, and the messages themselves; all pure."""
