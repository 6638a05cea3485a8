"""Tests of `twisted_net.net.tls`."""
