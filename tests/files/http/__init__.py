"""Tests of `twisted_net.files.http`."""
