"""Tests of `twisted_net.chat.core.irc.capabilities` (IRCv3 capability-negotiation)."""

import pytest

from twisted_net.chat.core.irc.capabilities import Capabilities, lines_of

OFFERED = {"batch": "", "sasl": "PLAIN,EXTERNAL", "labeled-response": "", "cap-notify": ""}


def test_values_are_shown_to_those_who_understand_them() -> None:
    """From version 302 on, and to a higher one as well."""
    assert Capabilities(OFFERED).offer("") == ["batch", "sasl", "labeled-response", "cap-notify"]
    assert "sasl=PLAIN,EXTERNAL" in Capabilities(OFFERED).offer("302")
    assert "sasl=PLAIN,EXTERNAL" in Capabilities(OFFERED).offer("307")
    assert "sasl" in Capabilities(OFFERED).offer("301")
    assert "sasl" in Capabilities(OFFERED).offer("²")


def test_a_higher_version_is_remembered() -> None:
    """But a list is written for the version that it was asked for with."""
    capabilities = Capabilities(OFFERED)
    assert not capabilities.understands_lists
    capabilities.offer("302")
    assert "sasl" in capabilities.offer("")
    assert capabilities.understands_lists


def test_302_switches_notification_on_for_good() -> None:
    """It is implied, and may not be switched off."""
    capabilities = Capabilities(OFFERED)
    capabilities.offer("302")
    assert "cap-notify" in capabilities
    assert not capabilities.request(["-cap-notify"])
    assert "cap-notify" in capabilities


@pytest.mark.parametrize("changes", [["batch", "nonsense"], ["-nonsense"], ["batch", "BATCH"]])
def test_a_request_is_granted_as_a_whole_or_not_at_all(changes: list[str]) -> None:
    """Names are compared as they are."""
    capabilities = Capabilities(OFFERED)
    assert not capabilities.request(changes)
    assert capabilities.on == set()


def test_what_is_on_already_or_off_already_is_granted() -> None:
    """Left to right: the last word counts."""
    capabilities = Capabilities(OFFERED)
    assert capabilities.request(["batch", "-sasl", "sasl"])
    assert capabilities.request(["batch", "-labeled-response"])
    assert capabilities.on == {"batch", "sasl"}


def test_labels_need_batches() -> None:
    """In whatever order they are asked for (IRCv3 labeled-response)."""
    capabilities = Capabilities(OFFERED)
    capabilities.request(["labeled-response"])
    assert "labeled-response" not in capabilities
    capabilities.request(["batch"])
    assert "labeled-response" in capabilities


def test_words_fill_lines() -> None:
    """None is cut, and there is a line even for none."""
    assert lines_of([], 10) == [""]
    assert lines_of(["one", "two", "three", "é" * 6], 8) == ["one two", "three", "é" * 6]
