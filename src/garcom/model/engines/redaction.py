"""What a model's code says of a row, without what stood in the row: values may be personal, and errors are logged."""

from __future__ import annotations

import re

from garcom.records import Batch

MARK = "…"
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def without_values(message: str, batch: Batch) -> str:
    """The message with every text and every number of the batch replaced by ``…``.

    A number counts however it is written (``7``, ``7.0``, ``7e0``). What merely looks like a value of the batch goes
    too: a message that tells less is better than one that tells too much.
    """
    texts = {str(text) for text in batch.texts.ravel() if text is not None}
    for text in sorted(texts, key=len, reverse=True):
        if text.strip():
            message = message.replace(text, MARK)
    numbers = set(batch.numbers.ravel().tolist())
    return _NUMBER.sub(lambda found: MARK if float(found[0]) in numbers else found[0], message)
