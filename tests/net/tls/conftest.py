"""What the tests of TLS share."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let Twisted hand to pyOpenSSL what it likes: that is not our affair."""
    mark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
    for item in items:
        if item.path.parent.name == "tls":
            item.add_marker(mark)
