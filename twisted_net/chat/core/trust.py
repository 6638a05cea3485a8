"""Whom a peer believes: the first key that came with a name, and no other one. Pure.

Nobody vouches for a name. So a key is believed when its name is first met, and from then on only
that key may bear the name. Another one, or none, is refused and told of, never let in silently.
"""

from twisted_net.chat.codec.messages import Code, Refusal, quoted
from twisted_net.chat.core.ident import checked_name, folded
from twisted_net.chat.core.known import Known, Standing, fingerprint, shown

#: Seconds before the same is told again, and how much is told in that time: whoever tries all
#: names must not drown what is said.
WARN_EVERY = 60.0
MOST_WARNINGS = 16


class Trust:
    """What one peer thinks of the names and keys of others.

    :param known: whom it has met.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._keys: dict[str, str] = {}
        self._warned: dict[tuple[str, str], float] = {}
        self._untold = 0

    def judge(self, name: str, public: bytes, host: str, now: float) -> tuple[Refusal | None, str]:
        """Say whether somebody may have a name; None: yes; and what its owner has to be told.

        :param public: their key; empty: none.
        :raises Refusal: it is no name at all.
        """
        checked_name(name)
        before = shown(self._known.fingerprint_of(name))
        match self._known.look(name, public):
            case Standing.CHANGED:
                text = f"{quoted(name)} is known here by another key"
                what = f"shows the key {shown(fingerprint(public))}"
            case Standing.MISSING:
                text = f"{quoted(name)} is known here by a key, and you showed none"
                what = "shows no key"
            case _:
                return None, ""
        warning = (
            f"WARNING: somebody at {host} calls themselves {quoted(name)} and {what}; known is"
            f" {before}. They are kept out. If it is the same person, who has told you so:"
            f" netdemo chat --forget-peer {name}"
        )
        return Refusal(Code.FORBIDDEN, text), self._rarely((folded(name), host), warning, now)

    def met(self, name: str, public: bytes) -> tuple[bool, str]:
        """Remember somebody whose key is proven, if they have one and are new.

        :return: whether they are new, and why they are not remembered, if they are not.
        """
        if self._known.look(name, public) is not Standing.NEW:
            return False, ""
        return True, self._known.learn(name, public)

    def came(self, name: str, public: bytes) -> None:
        """Take note of who is here.

        :param public: the key that is proven; empty: none.
        """
        self._keys[folded(name)] = fingerprint(public) if public else ""

    def left(self, name: str) -> None:
        """Take note that somebody is not here any more."""
        self._keys.pop(folded(name), None)

    def key_of(self, name: str) -> str | None:
        """Return the fingerprint of somebody who is here; empty: they have proven none."""
        return self._keys.get(folded(name))

    def disproved(self, host: str, now: float) -> str:
        """Return what the owner has to be told of somebody whose proof did not fit."""
        warning = f"WARNING: somebody at {host} did not prove who they are; they are kept out"
        return self._rarely(("", host), warning, now)

    def _rarely(self, about: tuple[str, str], warning: str, now: float) -> str:
        """Return a warning, if it was not given a moment ago; what is held back is counted."""
        old = [each for each, at in self._warned.items() if now >= at + WARN_EVERY]
        for each in old:
            del self._warned[each]
        if about in self._warned or len(self._warned) >= MOST_WARNINGS:
            self._untold += 1
            return ""
        self._warned[about] = now
        untold, self._untold = self._untold, 0
        return warning + (f" (tried {untold} more times before)" if untold else "")
