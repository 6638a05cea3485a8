"""Tests of `twisted_net.web`."""
