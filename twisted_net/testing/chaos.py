"""Disasters at random times, each written down as a fault, so that it shrinks like any other."""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from twisted_net.testing.clock import nanoseconds
from twisted_net.testing.faults import Fault

if TYPE_CHECKING:
    from twisted_net.testing.network import SimNetwork

#: Seconds that a disaster lasts: from a blink to a reboot.
SHORTEST, LONGEST = 0.2, 3.0


class Chaos:
    """The disasters of one network.

    A disaster is a line of words, ``power_off server``, ``cut c0 server``, ``stall 0.5 server``,
    and a time; its end, ``restart server``, ``repair c0 server``, is one too.
    """

    def __init__(self, network: "SimNetwork", seed: object) -> None:
        self._network = network
        self._dice = random.Random(f"{seed}/chaos")  # noqa: S311 - repeatable, not secret
        self._planned = False
        self._deeds: dict[str, Callable[..., None]] = {
            "kill": lambda name: network[name].kill(),
            "power_off": lambda name: network[name].power_off(),
            "restart": lambda name: network[name].restart(),
            "stall": lambda seconds, name: network[name].stall(float(seconds)),
            "cut": network.partition,
            "repair": network.repair,
        }

    def plan(self, plan: Iterable[Fault]) -> None:
        """Enter the disasters of a plan, once."""
        if not self._planned:
            self._planned = True
            for fault in plan:
                if fault.kind == "chaos":
                    self._enter(fault)

    def draw(
        self,
        kill: Sequence[str],
        power_off: Sequence[str],
        cut: Sequence[tuple[str, str]],
        stall: Sequence[str],
        rate: float,
        until: float,
    ) -> None:
        """Draw a schedule and enter it.

        :param rate: disasters a second for each thing that may happen.
        :param until: seconds after which nothing new happens.
        """
        for name in kill:
            self._series(f"kill {name}", f"restart {name}", rate, until)
        for name in power_off:
            self._series(f"power_off {name}", f"restart {name}", rate, until)
        for one, other in cut:
            self._series(f"cut {one} {other}", f"repair {one} {other}", rate, until)
        for name in stall:
            self._series("stall {:.3f} " + name, None, rate, until)

    def _series(self, deed: str, end: str | None, rate: float, until: float) -> None:
        at = self._network.seconds()
        for n in range(1_000_000):
            at += self._dice.expovariate(rate)
            lasts = self._dice.uniform(SHORTEST, LONGEST)
            if at >= until:
                return
            self._enter(Fault(deed.format(lasts), n, "chaos", nanoseconds(at)))
            if end is not None:
                self._enter(Fault(end, n, "chaos", nanoseconds(at + lasts)))
            at += lasts

    def _enter(self, fault: Fault) -> None:
        self._network.timeline.at(fault.arg, self._strike, fault)

    def _strike(self, fault: Fault) -> None:
        if self._network.faults.harmful:
            self._network.faults.recorded.append(fault)
            deed, *words = fault.flow.split()
            self._deeds[deed](*words)
