"""Tests of `twisted_net.watch`."""
