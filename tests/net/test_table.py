"""Tests of `twisted_net.net.table`."""

from twisted_net.net.table import columns


def test_cells_stand_below_each_other() -> None:
    """The last cell of a row is not padded."""
    assert columns([("door", "try"), ("echo-tcp", "nc 127.0.0.1 7007")]) == [
        "  door      try",
        "  echo-tcp  nc 127.0.0.1 7007",
    ]
