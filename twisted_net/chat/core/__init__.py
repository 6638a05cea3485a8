"""The chat's pure objects: names, the hub, a member's seat, and the datagram session."""
