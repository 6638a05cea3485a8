"""What the doors guarantee (docs/protocols/), as checks over what their clients saw.

Every check raises `AssertionError`. They look at nothing but the clients' side: a promise is made
to somebody, and only they can say whether it was kept.
"""

from collections.abc import Container, Iterator, Sequence
from itertools import combinations, pairwise

from tests.simulated.chatters import Member, Saying, Visit
from twisted_net.net.errors import NoAnswerError


def chat_is_in_order(members: Sequence[Member]) -> None:
    """While a session lives, a member hears what happens once, in order, with gaps shown."""
    confirmed = {
        _spoken(each.text): None for visit in _visits(members) for each in visit.said if each.id
    }
    for visit in _visits(members):
        _once(visit)
        _as_spoken(visit, confirmed)
    _one_order(list(_visits(members)))


def chat_is_whole(members: Sequence[Member]) -> None:
    """Whatever the server confirmed was heard by all who were there, or their session ended."""
    sayings = [each for visit in _visits(members) for each in visit.said]
    for visit in _visits(members):
        if visit.present:
            own = [each.text for each in visit.said]
            known = dict.fromkeys([*visit.texts, *own])
            lost = [each for each in sayings if _due(each, visit) and each.text not in known]
            assert len(lost) <= visit.missed, f"{visit.name} never heard {_texts(lost)}"


def nobody_is_left_hanging(members: Sequence[Member]) -> None:
    """Each request to a datagram session is answered, or the session ends and says so."""
    for visit in _visits(members):
        if visit.door == "udp" and visit.ended is None:
            hanging = [each for each in visit.said if type(each.failed) is NoAnswerError]
            assert not hanging, f"{visit.name} waits for ever: {_texts(hanging)}"


def chat_keeps_its_word(members: Sequence[Member]) -> None:
    """All that the chat's doors promise."""
    chat_is_in_order(members)
    chat_is_whole(members)
    nobody_is_left_hanging(members)


def _visits(members: Sequence[Member]) -> Iterator[Visit]:
    for member in members:
        yield from member.visits


def _once(visit: Visit) -> None:
    texts = visit.texts
    twice = [text for text in dict.fromkeys(texts) if texts.count(text) > 1]
    assert not twice, f"{visit.name} heard twice: {twice}"
    own = [each.text for each in visit.said if each.text in texts]
    assert not own, f"{visit.name} heard itself: {own}"


def _as_spoken(visit: Visit, confirmed: Container[tuple[str, int]]) -> None:
    """Nobody's words are turned round, and none is left out between two that were heard.

    What a session gave up was never said, or was: its author knows that nobody knows.
    """
    left_out = 0
    last: dict[str, int] = {}
    for text in visit.texts:
        speaker, number = _spoken(text)
        assert number > last.get(speaker, -1), f"{visit.name} heard {text!r} out of order"
        if speaker in last:
            between = range(last[speaker] + 1, number)
            left_out += sum((speaker, each) in confirmed for each in between)
        last[speaker] = number
    assert left_out <= visit.missed, f"{visit.name} missed {left_out}, was told {visit.missed}"


def _one_order(visits: list[Visit]) -> None:
    """Two who heard the same things heard them in the same order; the ids say so too."""
    for visit in visits:
        ids = [each.id for each in visit.events if each.id]
        assert all(one < other for one, other in pairwise(ids)), f"{visit.name}: ids {ids}"
    for one, other in combinations(visits, 2):
        theirs = dict.fromkeys(other.texts)
        ours = dict.fromkeys(one.texts)
        both = [text for text in ours if text in theirs]
        assert both == [text for text in theirs if text in ours], f"{one.name} and {other.name}"


def _due(saying: Saying, visit: Visit) -> bool:
    return bool(saying.id) and saying.asked > visit.entered


def _spoken(text: str) -> tuple[str, int]:
    speaker, number, *_ = text.split()
    return speaker, int(number)


def _texts(sayings: list[Saying]) -> list[str]:
    return [each.text for each in sayings]
