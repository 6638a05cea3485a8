"""Doors behind a proxy, as a real client that speaks the PROXY protocol meets them."""

from collections.abc import Callable

from tests.blackbox.conftest import Bench, peer, run


def test_only_a_believed_proxy_with_a_header_is_served(bench: Callable[..., Bench]) -> None:
    """Curl sends one (version 1); without it, or from elsewhere, there is no answer."""
    curl = [
        peer("curl", "curl"),
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    ]
    server = bench("--proxy-from", "127.0.0.0/30")
    url = f"http://127.0.0.1:{server.port('web')}/"
    believed, silent = run(*curl, "--haproxy-protocol", url), run(*curl, url)
    assert (believed.stdout, silent.stdout) == (b"200", b"000")
    stranger = run(*curl, "--haproxy-protocol", "--interface", "127.0.0.9", url)
    honest = run(*curl, "--interface", "127.0.0.9", url)
    assert (stranger.stdout, honest.stdout) == (b"000", b"200")
    server.wait_for("web: proxy_bad_header")
    server.wait_for("web: proxy_not_believed")
    assert server.stop() == -15
