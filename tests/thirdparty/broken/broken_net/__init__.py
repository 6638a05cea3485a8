"""A distribution whose service cannot be imported."""
