"""Text that means harm to whoever shows it."""

#: Line ends, escape sequences, a bell, NUL, a bidirectional override, half a surrogate pair, format
#: strings of three languages, a C1 control, and far too much.
HOSTILE = [
    b"cr\rlf\nboth\r\nend",
    b"\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    b"bell\x07nul\0back\x08\x7f",
    "\u202egpj.exe\u2066".encode(),
    b"\xed\xa0\x80 half a pair",
    b"{0} {x.password} {} {{ }",
    b"%s %n %(x)s $(id) `id`",
    "\x9b2J\x85 c1".encode(),
    b"\xff\xfe not utf-8",
    b"2026-11-20T00:00:00+0000 [forged#info] a line of its own",
    b"x" * 65_536,
]


def is_harmless(line: str) -> bool:
    """Say whether a line has nothing that a terminal obeys and no reader sees."""
    return line.isprintable() or all(
        each.isprintable() or each in "\t\u200c\u200d" for each in line
    )
