from __future__ import annotations

from garcom.errors import BundleError
from garcom.model.compile.reasons import LIMIT, brief, reason_of


def test_the_first_line_is_kept() -> None:
    assert brief("\n Unable to find\ta shape calculator.\nIt usually means \n") == "Unable to find a shape calculator."
    assert reason_of(KeyError("x")) == "KeyError: 'x'"
    assert reason_of(BundleError("Nothing is there.")) == "Nothing is there."
    assert brief("") == ""


def test_a_long_line_is_cut_between_words() -> None:
    cut = brief("palavra, " * 60)
    assert cut.endswith("palavra …")
    assert len(cut) <= LIMIT
    assert len(brief("x" * 500)) <= LIMIT
