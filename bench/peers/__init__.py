"""Servers to measure against, each as somebody would write it with that library."""
