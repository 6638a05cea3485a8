"""A shelf in a browser: `ShelfResource`, for any site of ``twisted.web``."""

from typing import TYPE_CHECKING

from twisted_net.net.lazy import lazily

if TYPE_CHECKING:
    from twisted_net.files.http.resource import ShelfResource

__all__ = ["ShelfResource"]

__getattr__ = lazily(
    __name__,
    {
        "ShelfResource": "resource",
    },
)
