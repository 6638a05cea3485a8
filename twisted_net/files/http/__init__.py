"""A shelf in a browser: `ShelfResource`, for any site of ``twisted.web``."""
