"""Pages in a real browser: what they ask for, and what the browser complains of."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Set it to a folder to keep pictures of what the tests saw.
PICTURES = os.environ.get("GARCOM_TEST_PICTURES", "")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")


@dataclass
class Visit:
    """A page of the browser, with everything that it asked for and complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def picture(self, name: str) -> None:
        if PICTURES:
            self.page.wait_for_timeout(300)  # until what unfolds has unfolded
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)

    def is_clean(self, origin: str) -> None:
        """Every request went to the server itself, and the console has no errors."""
        strangers = [url for url in self.requests if not url.startswith((f"{origin}/", "data:", "blob:"))]
        assert strangers == []
        assert self.complaints == []

    @property
    def scheme(self) -> str:
        return "dark" if self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
