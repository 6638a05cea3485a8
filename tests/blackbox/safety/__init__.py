"""R1 to R32: what is promised, under attack, against the installed command."""
