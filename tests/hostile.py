"""What strangers write who want to be obeyed by a log, a terminal or a formatter."""

#: By what each tries.
HOSTILE = {
    "a line of its own": "x\r\n2026-01-01T00:00:00+0000 [-] root logged in\n",
    "colours": "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "one byte controls": "\x9b31mred\x85next\x84",
    "a bell and a NUL": "\x07\x00\x08\x7f",
    "the other direction": "abc\u202egpj.exe\u2066x\u2069",
    "a surrogate by itself": "caf\udce9 \ud800",
    "line separators": "a\u2028b\u2029c\x0bd\x0ce\x1cf",
    "a format": "{0} {x.password} {log_source} {",
    "another format": "%s %(password)s %n %",
    "JSON": '", "level": "critical", "x": "',
    "length": "A" * 65_536,
    "emptiness": "",
}
