"""What is done to a stream and to datagrams, decided without a socket or a clock."""
