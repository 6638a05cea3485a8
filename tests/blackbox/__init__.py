"""The installed command as a subprocess, and real clients against it."""
