from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from garcom.errors import SettingsError
from garcom.settings import Settings, load_settings
from tests.documents import DOCS

PAGE = DOCS / "reference" / "settings.md"


def load(home: Path, file: str | None = None, environment: dict[str, str] | None = None, **flags: Any) -> Settings:
    if file is not None:
        (home / "garcom.toml").write_text(file, encoding="utf-8")
    return load_settings({"home": str(home)} | flags, environment=environment or {})


def message(home: Path, *arguments: Any, **options: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(home, *arguments, **options)
    return str(caught.value)


def test_defaults_without_anything(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings(home=str(tmp_path))
    assert load(tmp_path).host == "127.0.0.1"
    assert load_settings({}, environment={}).home  # the platform's folder


def test_the_later_wins(tmp_path: Path) -> None:
    file, environment = "port = 1\nworkers = 2\nmax_rows = 3", {"GARCOM_PORT": "4", "GARCOM_WORKERS": "5"}
    found = load(tmp_path, file, environment, port=6)
    assert (found.port, found.workers, found.max_rows, found.server) == (6, 5, 3, "uvicorn")
    assert load(tmp_path, file, environment, port=None).port == 4  # a flag that was not given


def test_a_file_that_is_named_is_read_instead_of_the_one_in_the_home(tmp_path: Path) -> None:
    (tmp_path / "garcom.toml").write_text("port = 1\nworkers = 2")
    other = tmp_path / "other.toml"
    other.write_text("port = 3")
    found = load_settings({"home": str(tmp_path)}, config=other, environment={})
    assert (found.port, found.workers) == (3, 1)


def test_the_home_comes_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "garcom.toml").write_text("port = 1")
    found = load_settings({}, environment={"GARCOM_HOME": str(tmp_path)})
    assert (found.home, found.port) == (str(tmp_path), 1)
    config = tmp_path / "other.toml"
    config.write_text('home = "/srv/garcom"')
    assert load_settings({}, config=config, environment={}).home == "/srv/garcom"
    assert load_settings({"home": "/x"}, config=config, environment={}).home == "/x"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("True", True), ("0", False), ("false", False), ("unconfined", "unconfined")],
)
def test_the_environment_speaks_in_words(tmp_path: Path, text: str, value: bool | str) -> None:
    found = load(tmp_path, environment={"GARCOM_ALLOW_PYTHON": text, "GARCOM_GRACE_S": "2.5", "GARCOM_PROT": "x"})
    assert found.allow_python == value
    assert found.grace_s == 2.5


def test_unknown_names_get_a_suggestion(tmp_path: Path) -> None:
    found = message(tmp_path, "prot = 1")
    assert found.startswith(f"prot in {tmp_path / 'garcom.toml'} is unknown. Did you mean 'port'?")
    assert "Known are home, host, port" in message(tmp_path, "zzzzz = 1")
    assert message(tmp_path, "", prot_of_call=1).startswith("--prot-of-call is unknown.")


@pytest.mark.parametrize(
    ("file", "environment", "expected"),
    [
        ("port = 70000", {}, "a whole number from 0 to 65535, got 70000"),
        ('port = "8000"', {}, 'a whole number from 0 to 65535, got "8000"'),  # only the environment is text
        ("", {"GARCOM_LIMITS_KEYS_REQUESTS": "100"}, 'a rate such as 100/1s, 500/10s, 1000/1m or 50000/24h, got "100"'),
        ("", {"GARCOM_LIMITS_ANYBODY_CONCURRENT": "0"}, 'a whole number from 1 to 9007199254740991, got "0"'),
        ("port = 1.5", {}, "a whole number from 0 to 65535, got 1.5"),
        ("allow_python = 1", {}, "true or false or confined or unconfined, got 1"),
        ('server = "apache"', {}, 'granian or uvicorn, got "apache"'),
        ("workers = 0", {}, "a whole number from 1 to 256, got 0"),
        ("max_rows = 0", {}, "a whole number from 1 up, got 0"),
        ("home = 2026-11-21", {}, 'text, got "2026-11-21"'),
        ("", {"GARCOM_PORT": "-1"}, 'a whole number from 0 to 65535, got "-1"'),
        ("", {"GARCOM_PORT": "many"}, 'a whole number from 0 to 65535, got "many"'),
        ("", {"GARCOM_WORKERS": ""}, 'a whole number from 1 to 256, got ""'),
        ("", {"GARCOM_GRACE_S": "0"}, 'a number above 0 and at most 86400, got "0"'),
        ("", {"GARCOM_CLIENT_TIMEOUT_S": "nan"}, "a number above 0 and at most 86400"),
        ("", {"GARCOM_CLIENT_TIMEOUT_S": "inf"}, "a number above 0 and at most 86400"),
        ("", {"GARCOM_LOG_LEVEL": "loud"}, 'debug, error, info or warning, got "loud"'),
        ("", {"GARCOM_ALLOW_PYTHON": "perhaps"}, 'true or false or confined or unconfined, got "perhaps"'),
    ],
)
def test_wrong_values_are_named_as_they_were_written(
    tmp_path: Path, file: str, environment: dict[str, str], expected: str
) -> None:
    name = f"{file.partition(' ')[0]} in {tmp_path / 'garcom.toml'}" if file else next(iter(environment))
    assert message(tmp_path, file, environment).startswith(f"{name}: expected {expected}")


def test_addresses_of_the_environment_are_a_list(tmp_path: Path) -> None:
    found = load(tmp_path, environment={"GARCOM_ALERTS_TO": "tgram://1:a/2, https://example.com/x"})
    assert found.alerts.to == ("tgram://1:a/2", "https://example.com/x")


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf"])
def test_a_number_has_to_be_finite(tmp_path: Path, wrong: str) -> None:
    file = f"[monitoring.models.wine.value]\nbad = {{ bad = {wrong} }}\n"
    name = f"monitoring.models.wine.value.bad.bad in {tmp_path / 'garcom.toml'}"
    assert message(tmp_path, file).startswith(f"{name}: expected a finite number, got {wrong}.")


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = message(tmp_path, "prot = 1\nworkers = 0", {"GARCOM_PORT": "many"}, log_level="loud", port=1)
    assert [line.split()[0] for line in found.splitlines()] == [
        "4",
        "prot",
        "workers",
        "GARCOM_PORT:",
        "--log-level:",
        "docs/reference/settings.md",
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "Expected TOML" in message(tmp_path, "port 1")
    (tmp_path / "garcom.toml").write_bytes(b"port = 1 # \xff")
    assert "byte 11 of it is not UTF-8" in message(tmp_path)
    with pytest.raises(SettingsError, match=r"Expected a settings file at .*, and nothing is there\."):
        load_settings({}, config=tmp_path / "absent.toml", environment={})
    with pytest.raises(SettingsError, match=r"Expected a settings file at .*, and a folder is there\."):
        load_settings({}, config=tmp_path, environment={})


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeffport = 1").port == 1


def settings_of(kind: type[msgspec.Struct], *at: str) -> Iterator[tuple[str, Any]]:
    """Every setting with its default, those of sections with a dot."""
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from settings_of(field.type, *at, field.name)
        else:
            yield ".".join((*at, field.name)), field.default


def test_the_page_tells_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: default for name, _, default, _ in rows}
    assert len(rows) == len(told)
    known = dict(settings_of(Settings))
    assert set(told) == set(known)
    for name, default in known.items():
        if default == "" or not isinstance(default, str | int | float | bool):
            assert not told[name].startswith("`"), name
        else:
            assert told[name].startswith(f"`{str(default).lower()}`"), name


def test_sections_merge_setting_by_setting(tmp_path: Path) -> None:
    file = '[journal]\nsync = "off"\nsegment_mb = 2\n[retention.models.wine]\npredictions = "90d"'
    found = load(tmp_path, file, {"GARCOM_JOURNAL_SYNC": "interval", "GARCOM_JOURNAL_ENABLED": "0"})
    assert (found.journal.sync, found.journal.segment_mb, found.journal.enabled) == ("interval", 2, False)
    assert found.retention.models["wine"].predictions == "90d"


@pytest.mark.parametrize(
    ("file", "environment", "expected"),
    [
        ('[journal]\nsync = "never"', {}, "journal.sync in "),
        ("[journal]\nsnyc = 1", {}, "journal.snyc in "),
        ("journal = 1", {}, "journal in "),
        ('[retention]\npredictions = "a year"', {}, "retention.predictions in "),
        ('[retention.models.wine]\nactual = "1d"', {}, "retention.models.wine.actual in "),
        ("", {"GARCOM_JOURNAL_SEGMENT_MB": "0"}, "GARCOM_JOURNAL_SEGMENT_MB: expected a whole number from 1 to 1024"),
    ],
)
def test_wrong_values_of_sections_are_named(
    tmp_path: Path, file: str, environment: dict[str, str], expected: str
) -> None:
    assert message(tmp_path, file, environment).startswith(expected)


def test_the_page_s_example_is_a_settings_file(tmp_path: Path) -> None:
    example = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert load(tmp_path, example[0]).workers == 4


@pytest.mark.parametrize("value", ['"mailto://u:sesame@example.com"', '[["mailto://u:sesame@example.com"]]'])
def test_a_secret_of_the_wrong_type_stands_in_no_message(tmp_path: Path, value: str) -> None:
    (tmp_path / "garcom.toml").write_text(f"[alerts]\nto = {value}\n")
    with pytest.raises(SettingsError, match=r"alerts\.to .*expected a list of text, got ") as refused:
        load_settings({"home": str(tmp_path)})
    assert "sesame" not in str(refused.value)
