"""Tests of `twisted_net.faults.codec`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.faults.codec import WORDS, Kind, changed, no_rules, shown
from twisted_net.faults.core.harm import After, Harm, Way
from twisted_net.net.errors import SettingError
from twisted_net.net.text import safe

TIMES = st.integers(0, 10**6).map(lambda number: f"{number / 1000:.3f}s")
SHARES = st.integers(0, 1000).map(lambda number: f"{number / 10:.1f}%")
SIZES = st.integers(1, 1 << 30).map(str)
VALUES = {
    "_time": TIMES,
    "_share": SHARES,
    "_some_bytes": SIZES,
    "_rate": SIZES,
    "_slow": SIZES | st.just("0"),
    "_after": SIZES | TIMES | st.just("0"),
}
RULES = st.sampled_from(list(WORDS)).flatmap(
    lambda word: st.builds(
        lambda way, value: f"{way}{word}={value}",
        st.sampled_from(["", "to-server:", "to-client:"]),
        VALUES[WORDS[word].read.__name__],
    )
)


def harm_of(*rules: str, kind: Kind = "stream") -> Harm:
    """Return what rules for both directions make."""
    made = changed(no_rules(), rules, kind)
    assert made[Way.TO_SERVER] == made[Way.TO_CLIENT]
    return made[Way.TO_CLIENT]


def test_a_rule_is_a_word_and_a_value() -> None:
    """In units that people write."""
    assert harm_of("delay=50ms", "jitter=.5s", "loss=10%", "bandwidth=1.5MiB") == Harm(
        delay=0.05, jitter=0.5, loss=0.1, bandwidth=1.5 * (1 << 20)
    )
    assert harm_of("loss=0.25", kind="datagram") == Harm(loss=0.25)
    assert harm_of("reset", "half-close=64KiB", "close=2s", "slow-reader") == Harm(
        reset=After(0), half_close=After(65536), close=After(None, 2.0), slow_reader=0.0
    )


def test_a_rule_may_be_about_one_direction() -> None:
    """As seen from the client."""
    made = changed(no_rules(), ["delay=1s", "to-client:delay=2s", "to-server:size=1"], "stream")
    assert made == {Way.TO_SERVER: Harm(delay=1.0, size=1), Way.TO_CLIENT: Harm(delay=2.0)}


def test_a_rule_is_taken_back_with_off() -> None:
    """And what it was is as it was before."""
    assert harm_of("loss=10%", "loss=off", "reset", "reset=off", "reset=off") == Harm()


@pytest.mark.parametrize(
    ("rule", "kind", "why"),
    [
        ("los=10%", "stream", "no such fault; did you mean 'loss'?"),
        ("", "stream", "no such fault; there are delay, "),
        ("zzz", "stream", "no such fault; there are delay, "),
        ("loss", "stream", "need a value, loss=… or loss=off"),
        ("reset=", "stream", "need a value, reset=… or reset=off"),
        ("loss=101%", "stream", "need a probability, as 10% or 0.1; or off"),
        ("loss=-1", "stream", "need a probability"),
        ("loss=nan", "stream", "need a probability"),
        ("delay=5", "stream", "need a time up to a day, as 50ms, 1.5s or 200us"),
        ("delay=\u0661s", "stream", "need a time"),
        ("delay=86401s", "stream", "need a time"),
        ("bandwidth=0", "stream", "need bytes a second"),
        ("size=0", "stream", "need a byte at least"),
        ("reset=soon", "stream", "need bytes or a time, as 64KiB or 2s, or nothing"),
        ("to-moon:loss=1%", "stream", "need to-server: or to-client: before it"),
        ("duplicate=1%", "stream", "that befalls datagrams; TCP hides it"),
        ("reset", "datagram", "that befalls streams; a datagram is whole"),
    ],
)
def test_a_wrong_rule_is_refused_in_one_line(rule: str, kind: Kind, why: str) -> None:
    """With what was wanted; and none of those beside it is applied."""
    before = no_rules()
    with pytest.raises(SettingError) as caught:
        changed(before, ["delay=1s", rule], kind)
    assert str(caught.value).startswith(f"rule '{rule}': {why}")
    assert before == no_rules()


def test_a_rule_that_would_dress_up_as_an_answer_is_escaped() -> None:
    """It may come from a script that was fed by strangers."""
    with pytest.raises(SettingError) as caught:
        changed(no_rules(), ["\x1b[2Jloss\n=1"], "stream")
    assert "'\\x1b[2Jloss\\n=1'" in str(caught.value)


@given(st.lists(RULES, max_size=8), st.sampled_from(["stream", "datagram"]))
def test_rules_are_shown_as_they_can_be_typed(texts: list[str], kind: Kind) -> None:
    """What ``list`` prints makes the same rules again."""
    fitting = [text for text in texts if kind in WORDS[text.split(":")[-1].split("=")[0]].kinds]
    rules = changed(no_rules(), fitting, kind)
    assert changed(no_rules(), shown(rules), kind) == rules


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    """In one line."""
    why = ""
    try:
        changed(no_rules(), [text], "stream")
    except SettingError as error:
        why = str(error)
    assert safe(why, 1000) == why
