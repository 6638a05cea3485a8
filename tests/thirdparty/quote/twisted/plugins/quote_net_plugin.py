"""Shows the quote service to netdemo."""

from quote_net.service import quote

__all__ = ["quote"]
