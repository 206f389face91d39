"""The languages of the pages: chosen as the reader asks, and none of them with less to say."""

from __future__ import annotations

import pytest

from garcom.http import login_page, page_frame
from garcom.http.languages import LANGUAGES, language_of
from garcom.http.meanings import MEANINGS, Meaning
from garcom.http.page_words import PAGE_WORDS


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("de,en;q=0.5,pt;q=0.1", "en"),
        ("fr;q=1, PT-pt;q=0.2", "pt"),
        ("pt;q=0", "en"),
        ("pt;q=many", "en"),
        ("*", "en"),
    ],
)
def test_the_language_that_a_reader_likes_best(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


@pytest.mark.parametrize("words", [login_page.WORDS, page_frame.WORDS, PAGE_WORDS])
def test_every_page_has_words_in_every_language(words: dict[str, tuple[object, ...]]) -> None:
    assert set(words) == set(LANGUAGES)
    assert all(all(said) for said in words.values())


def test_every_kind_of_problem_is_explained_in_every_language() -> None:
    assert Meaning._fields == LANGUAGES
    for slug, meaning in MEANINGS.items():
        sentences = [meaning.said(language) for language in LANGUAGES]
        assert all(text.endswith(".") for saying in sentences for text in saying), slug
        for told in zip(*sentences, strict=True):
            assert len(set(told)) == len(LANGUAGES), (slug, told)  # none was left in another's language
