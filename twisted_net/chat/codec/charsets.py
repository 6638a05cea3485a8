"""The charsets that older clients speak.

Lines are cut at LF before they are decoded, which is safe: in none of these is LF, CR, NUL or a
space a part of another character.
"""

from twisted_net.chat.codec.refusals import Code, Refusal

UTF_8 = "utf-8"

#: What GBK and GB2312 have, GB18030 has too, at the same place.
_ALIASES = {
    "utf8": UTF_8,
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "sjis": "shift_jis",
    "shift-jis": "shift_jis",
    "latin-1": "cp1252",
    "iso-8859-1": "cp1252",
    "windows-1251": "cp1251",
    "windows-1252": "cp1252",
}

#: Those that there are.
CHARSETS = (UTF_8, "gb18030", "big5", "shift_jis", "euc-kr", "cp1252", "cp1251", "koi8-r")


def charset_of(name: str) -> str:
    """Return the charset that a name means.

    :raises Refusal: none that is spoken here.
    """
    name = name.lower()
    charset = _ALIASES.get(name, name)
    if charset not in CHARSETS:
        raise Refusal(Code.BAD, f"charset: one of {', '.join(CHARSETS)}")
    return charset
