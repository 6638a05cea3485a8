"""``netdemo doctor``."""
