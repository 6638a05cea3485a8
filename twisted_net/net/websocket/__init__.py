"""WebSocket (RFC 6455) as one more way to a protocol of lines: a page, and what it is made of."""
