"""One host's network stack: sockets above, packets below. No links, no dice, no Twisted."""
