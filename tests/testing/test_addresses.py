"""Addresses mean whom they mean on a real network."""

import pytest

from twisted_net.testing.addresses import Reach, canonical, reach


@pytest.mark.parametrize(
    ("address", "whom"),
    [
        ("127.0.0.1", Reach.SELF),
        ("127.9.9.9", Reach.SELF),
        ("::1", Reach.SELF),
        ("0.0.0.0", Reach.SELF),  # noqa: S104 - what Linux makes of it
        ("10.0.0.1", Reach.HOST),
        ("fd00::1", Reach.HOST),
        ("192.0.2.1", Reach.NOWHERE),
        ("239.1.2.3", Reach.GROUP),
        ("ff02::1", Reach.GROUP),
        ("255.255.255.255", Reach.EVERYBODY),
    ],
)
def test_an_address_reaches(address: str, whom: Reach) -> None:
    """Hosts, groups, everybody, oneself, and nobody are told apart."""
    assert reach(address) is whom


def test_addresses_are_written_in_one_way() -> None:
    """The empty string, names and long forms become what the network uses."""
    assert canonical("", 4) == "0.0.0.0"  # noqa: S104 - what it means
    assert canonical("", 6) == "::"
    assert canonical("<broadcast>", 4) == "255.255.255.255"
    assert canonical("localhost", 4) == "127.0.0.1"
    assert canonical("fd00:0::1", 6) == "fd00::1"
    assert canonical("fe80::1%eth0", 6) == "fe80::1"


def test_an_address_of_the_other_family_is_refused() -> None:
    """An IPv4 socket takes no IPv6 address."""
    with pytest.raises(ValueError, match="not an IPv4 address"):
        canonical("::1", 4)
