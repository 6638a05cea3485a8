"""Descriptors: how many connections the limits of this process leave room for."""

import resource

from twisted_net.net.limits import Room, room


def room_for(wanted: int) -> Room:
    """Return how many of so many connections fit the descriptors that this process may have."""
    soft, hard = (
        None if each == resource.RLIM_INFINITY else each
        for each in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    return room(wanted, soft, hard)


def capped(found: Room) -> str:
    """Say that there is room for less than was wanted."""
    return f"capped to {found.connections} (RLIMIT_NOFILE {found.descriptors})"


def make_room(wanted: int) -> Room:
    """Raise the soft limit as far as so many connections need it and the hard one allows."""
    found = room_for(wanted)
    if found.descriptors is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (found.descriptors, hard))
    return found
