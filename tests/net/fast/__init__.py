"""Tests of `twisted_net.net.fast`."""
