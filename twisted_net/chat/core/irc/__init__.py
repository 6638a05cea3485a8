"""One IRC connection as pure objects: what it negotiated, who it is, what its commands do."""
