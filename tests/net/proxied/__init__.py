"""Tests of `twisted_net.net.proxied`."""
