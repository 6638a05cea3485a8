"""The simulated network held to the truth: one scenario, told alike in memory and on a kernel."""
