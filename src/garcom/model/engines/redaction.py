"""What a model's code says of a row, without what stood in the row: values may be personal, and errors are logged."""

from __future__ import annotations

import re

from garcom.records import Batch

MARK = "…"
#: Words of a text that are shorter are in many a message by chance.
_WORD_LETTERS = 4
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
#: A count or a place, such as that of a column; longer numbers and fractions may have been made from what came.
_COUNT = re.compile(r"\d{1,3}")
_WORD = re.compile(r"\w+")
#: An apostrophe within a word opens nothing.
_QUOTED = re.compile(r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)""")


def without_values(message: str, batch: Batch) -> str:
    """The message without what the batch holds, nor what code may have made of it: ``…`` stands in its place.

    That is whatever is quoted, each text of the batch and each longer word of it in any case, each number of the batch
    however it is written (``7``, ``7.0``, ``7e0``), and every number that is no whole one of up to three digits. A
    message that tells less is better than one that tells too much.
    """
    message = _QUOTED.sub(f"'{MARK}'", message)
    texts = {str(text) for text in batch.texts.ravel() if text is not None}
    for text in sorted(texts, key=len, reverse=True):
        if text.strip() and text.casefold() in message.casefold():
            message = re.sub(re.escape(text), MARK, message, flags=re.IGNORECASE)
    words = {word.casefold() for text in texts for word in _WORD.findall(text) if len(word) >= _WORD_LETTERS}
    message = _WORD.sub(lambda found: MARK if found[0].casefold() in words else found[0], message)
    numbers = set(batch.numbers.ravel().tolist())
    return _NUMBER.sub(
        lambda found: found[0] if _COUNT.fullmatch(found[0]) and float(found[0]) not in numbers else MARK, message
    )
