"""Tests of `twisted_net.watch.codec`."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.watch.exposition import read
from twisted_net.net.errors import LocalProtocolError
from twisted_net.watch.codec import Family, Sample, render

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LABELS = st.dictionaries(st.sampled_from(["door", "reason", "dir"]), TEXT).map(
    lambda labels: tuple(labels.items())
)
SAMPLES = st.lists(
    st.builds(Sample, st.integers() | st.floats(), LABELS),
    max_size=4,
    unique_by=lambda sample: frozenset(sample.labels),
)
FAMILIES = st.lists(
    st.builds(
        Family,
        st.from_regex(r"[a-z_:][a-z0-9_:]{0,9}", fullmatch=True),
        st.sampled_from(["counter", "gauge"]),
        TEXT,
        SAMPLES,
    ),
    max_size=4,
    unique_by=lambda family: family.name,
)


def same(one: float, other: float) -> bool:
    """Compare two numbers, those that are none too."""
    return one == other or (math.isnan(one) and math.isnan(other))


@settings(max_examples=40)
@given(FAMILIES)
def test_what_is_written_is_read_again(families: list[Family]) -> None:
    """Whatever stands in a label: a door's name, a reason of somebody's plug-in."""
    found = read(render(families))
    there = [family for family in families if family.samples]
    assert found.kinds == {family.name: family.kind for family in there}
    assert found.helps == {family.name: family.help.replace("\r", "") for family in there}
    said = {(f.name, frozenset(s.labels)): float(s.value) for f in there for s in f.samples}
    assert found.samples.keys() == said.keys()
    assert all(same(found.samples[key], value) for key, value in said.items())


@settings(max_examples=40)
@given(FAMILIES)
def test_the_library_of_prometheus_reads_it(families: list[Family]) -> None:
    """Where it is installed."""
    parser = pytest.importorskip("prometheus_client.parser")
    text = render(families).decode()
    found = {
        (sample.name, frozenset(sample.labels.items()))
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }
    there = {(f.name, frozenset(s.labels)) for f in families for s in f.samples}
    assert len(found) == len(there)


def test_it_looks_as_the_format_says() -> None:
    """To the byte."""
    family = Family(
        "a_total", "counter", "One\\line\n", [Sample(3), Sample(0.5, (("door", 'x"\\\n'),))]
    )
    assert render([family]) == (
        b"# HELP a_total One\\\\line\\n\n# TYPE a_total counter\na_total 3\n"
        b'a_total{door="x\\"\\\\\\n"} 0.5\n'
    )


def test_text_that_cannot_be_told_is_escaped() -> None:
    """The format is UTF-8."""
    assert b'door="\\udc80"' in render(
        [Family("a", "gauge", "", [Sample(1, (("door", "\udc80"),))])]
    )


@pytest.mark.parametrize(
    "families",
    [
        [Family("a b", "gauge", "")],
        [Family("1a", "gauge", "")],
        [Family("a", "gauge", ""), Family("a", "gauge", "")],
        [Family("a", "gauge", "", [Sample(1), Sample(2)])],
        [Family("a", "gauge", "", [Sample(1, (("a-b", ""),))])],
        [Family("a", "gauge", "", [Sample(1, (("__a", ""),))])],
        [Family("a", "gauge", "", [Sample(1, (("a", ""), ("a", "x")))])],
    ],
)
def test_what_would_make_the_whole_unreadable_is_refused(families: list[Family]) -> None:
    """A scraper throws a page away that has one bad line."""
    with pytest.raises(LocalProtocolError):
        render(families)
