"""A shelf in a browser: `ShelfResource`, for any site of ``twisted.web``."""

from twisted_net.files.http.resource import ShelfResource

__all__ = ["ShelfResource"]
