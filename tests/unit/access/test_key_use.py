"""When keys were last used: from the workers' files to whoever writes it down."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from garcom.access.key_use import KeyUse, KeyUses


def test_uses_are_news_once(tmp_path: Path) -> None:
    worker, controller = KeyUse(tmp_path), KeyUses(tmp_path)
    worker.write()
    assert controller.news() == {}
    before = datetime.now(UTC)
    worker.note("a")
    worker.note("b")
    assert controller.news() == {}  # not written yet
    worker.write()
    news = controller.news()
    assert set(news) == {"a", "b"}
    assert all(before <= moment <= datetime.now(UTC) for moment in news.values())
    assert controller.news() == news  # nobody has written them down yet
    controller.told(news)
    assert controller.news() == {}
    worker.note("b")
    worker.write()
    assert set(controller.news()) == {"b"}


def test_the_latest_of_all_workers_counts_and_a_broken_file_spoils_nothing(tmp_path: Path) -> None:
    for pid, uses in ((1, {"a": 10.0, "b": 30.0}), (2, {"a": 20.0})):
        (tmp_path / f"key-uses-{pid}.json").write_bytes(msgspec.json.encode(uses))
    (tmp_path / "key-uses-3.json").write_bytes(b'{"a": 99')
    (tmp_path / "counts-3.json").write_bytes(b'{"a": 99.0}')
    assert {digest: moment.timestamp() for digest, moment in KeyUses(tmp_path).news().items()} == {"a": 20.0, "b": 30.0}
