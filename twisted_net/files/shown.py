"""Amounts of bytes, and times, as people read them."""

_UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")


def amount(count: float) -> str:
    """Return ``count`` bytes in the unit that suits, powers of 1000 as disks and networks use them.

    >>> amount(999), amount(1234), amount(41_943_040)
    ('999 bytes', '1.2 KB', '41.9 MB')
    """
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count /= 1000
        unit += 1
    digits = 1 if unit and count < 99.95 else 0
    return f"{count:.{digits}f} {_UNITS[unit]}"


def rate(count: int, took: float) -> str:
    """Return bytes in seconds as a rate.

    >>> rate(5_000_000, 2.0)
    '2.5 MB/s'
    """
    return f"{amount(count / max(took, 1e-6))}/s"


def duration(seconds: float) -> str:
    """Return a time as a clock shows it.

    >>> duration(5), duration(3725)
    ('0:05', '1:02:05')
    """
    minutes, seconds = divmod(int(min(seconds, 359_999)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
