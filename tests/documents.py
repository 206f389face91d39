"""Reads the Markdown pages of the repository: their fenced blocks, headings and links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
README_PT = ROOT / "README.pt-BR.md"
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_ANCHOR = re.compile(r'<a id="([^"]+)">')
_AFTER = re.compile(r"<!-- after: (\S+) -->")


class Block(NamedTuple):
    """A fenced block: its language, the file that it is saved as (or nothing), its text and where it stands."""

    page: Path
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """README in both languages, the change log, and everything in docs."""
    return [README, README_PT, ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        info = match["info"].strip()
        title = _TITLE.search(info)
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, info.partition(" ")[0], title[1] if title else "", match["text"]))
    return found


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def follows(page: Path) -> Path | None:
    """The page whose files and models this one goes on from, as told by ``<!-- after: quickstart.md -->``."""
    named = _AFTER.search(page.read_text(encoding="utf-8"))
    return DOCS / named[1] if named else None


def links(page: Path) -> list[str]:
    """The targets of the page's links and pictures."""
    return [first or second for first, second in _LINK.findall(prose(page))]


def anchors(page: Path) -> set[str]:
    """What a link to the page may name after ``#``: its headings as GitHub writes them, and its own anchors."""
    text = prose(page)
    return {_slug(heading) for heading in _HEADING.findall(text)} | set(_ANCHOR.findall(text))


def _slug(heading: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
