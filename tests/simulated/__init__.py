"""Whole services on the simulated network: what each door promises, whatever goes wrong."""
