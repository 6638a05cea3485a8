"""The word filter: words that are not said here."""

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"\w+")


class Words:
    """Replace whole words by stars, whatever their case and width.

    :param words: those that are not to be said; ones with a space or a sign inside never match.
    """

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._words = frozenset(map(_read, words))

    def starred(self, text: str) -> str:
        """Return a text with its words replaced; no longer than before.

        >>> Words(["damn"]).starred("Damn, a damned dog")
        '****, a damned dog'
        """
        return _WORD.sub(self._shown, text) if self._words else text

    def _shown(self, match: re.Match[str]) -> str:
        return "*" * len(match[0]) if _read(match[0]) in self._words else match[0]


def _read(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()
