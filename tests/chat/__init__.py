"""Tests of `twisted_net.chat`, without a socket."""
