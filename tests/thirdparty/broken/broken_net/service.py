"""What stands here needs something that is not installed."""

raise ImportError("needs a module that is not installed")
