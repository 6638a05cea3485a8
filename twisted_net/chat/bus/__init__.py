"""What gives events their ids and their order: within one process, or for several nodes."""
