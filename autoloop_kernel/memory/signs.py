"""Words to search by. Chinese and Japanese have no blanks between them: there any two signs in a row count as one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

_WORD = re.compile(r"\w+")
_HAN = r"\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_KANA = r"\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_SIGN = re.compile(f"[{_HAN}{_KANA}]")
_RUN = re.compile(f"[{_HAN}{_KANA}]+|[^{_HAN}{_KANA}]+")


def found_in(text: str) -> bool:
    """Whether there is anything Chinese or Japanese in a text."""
    return _SIGN.search(text) is not None


def words(text: str) -> Iterator[str]:
    """The words of a text in lower case; of signs each with the next, and one that is alone."""
    for word in _WORD.findall(text):
        for run in _RUN.findall(word.lower()):
            if len(run) > 1 and found_in(run):
                yield from (f"{one} {other}" for one, other in itertools.pairwise(run))
            else:
                yield run


def found_by(text: str) -> set[str]:
    """All that a text is found by: its words, and every sign."""
    return {*words(text), *_SIGN.findall(text)}


def sign_by_sign(text: str) -> str:
    """The words of a text that have signs, with a blank between signs, and where signs begin or end."""
    return " ".join(_SIGN.sub(r" \g<0> ", word) for word in _WORD.findall(text) if found_in(word))
