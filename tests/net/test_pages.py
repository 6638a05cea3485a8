"""Tests of `twisted_net.net.pages`."""

import pytest
from twisted.web.resource import Resource

from twisted_net.net.pages import Page, Pages


def test_pages_are_kept_in_the_order_of_their_names() -> None:
    """Whichever service was asked first."""
    pages, quotes, files = Pages(), Resource(), Resource()
    pages.add("quote", "Quotes", quotes, "wise words")
    pages.add("files", "Files", files)
    assert list(pages) == [
        Page("files", "Files", files),
        Page("quote", "Quotes", quotes, "wise words"),
    ]
    assert pages.get("files") == Page("files", "Files", files)
    assert pages.get("nothing") is None


def test_a_page_that_is_handed_over_again_takes_its_own_place() -> None:
    """As when a server stops and starts: its doors are made anew."""
    pages, first, second = Pages(), Resource(), Resource()
    pages.add("files", "Files", first)
    pages.add("files", "Files", second)
    assert [page.resource for page in pages] == [second]


@pytest.mark.parametrize("name", ["", "Files", "a/b", "a b", "-x", "..", "café", "a\n"])
def test_a_name_that_cannot_stand_in_a_url_is_refused(name: str) -> None:
    """At the start, by the service's own fault, and not at the first request."""
    with pytest.raises(ValueError, match="name"):
        Pages().add(name, "Title", Resource())
