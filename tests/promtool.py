"""Prometheus's own checker, for what Garçom gives Prometheus to read."""

from __future__ import annotations

import shutil
import subprocess

import pytest

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool on this machine: apt-get install prometheus")


def promtool(*arguments: str, said: str = "") -> str:
    """What it prints; its complaints fail the test."""
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], input=said, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
