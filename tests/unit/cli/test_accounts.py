"""``garcom user`` and ``garcom api-key``, as a person and as a script use them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from garcom.access.accounts import Accounts
from garcom.access.api_keys import is_key
from garcom.cli import app
from garcom.errors import Conflict, GarcomError, InputError, NotFound
from garcom.storage.database import Database

PASSWORD = "correct horse battery"


class Terminal:
    """Runs ``garcom`` with a home folder of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str, typed: str | None = None) -> Result:
        environment = {"GARCOM_HOME": str(self.home), "COLUMNS": "80"}
        result = CliRunner().invoke(app, arguments, env=environment, input=typed)
        if isinstance(result.exception, GarcomError):
            raise result.exception
        return result

    def __call__(self, *arguments: str, typed: str | None = None) -> str:
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    @property
    def accounts(self) -> Accounts:
        return Accounts(Database.open(self.home))


@pytest.fixture
def garcom(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


def test_a_user_with_a_password_from_standard_input(garcom: Terminal) -> None:
    said = garcom("user", "add", "ana", "--role", "client:wine", "--role", "viewer", "--password", "-", typed=PASSWORD)
    assert said == "User ana may do: client:wine, viewer.\n"
    assert garcom.accounts.check_password("ana", PASSWORD).name == "ana"


def test_a_generated_password_stands_alone_on_standard_output(garcom: Terminal) -> None:
    password = garcom("user", "add", "root", "--role", "admin", "--generate").removesuffix("\n")
    assert garcom.accounts.check_password("root", password).name == "root"
    made = garcom.json("user", "password", "root", "--generate")
    assert garcom.accounts.check_password("root", made["password"]).name == "root"


def test_a_password_is_neither_taken_from_the_command_line_nor_asked_of_nobody(garcom: Terminal) -> None:
    for options in (("--password", PASSWORD), (), ("--password", "-", "--generate"), ("--no-password", "--generate")):
        result = garcom.run("user", "add", "ana", *options)
        assert result.exit_code == 2
        assert PASSWORD not in result.output
    assert garcom.json("user", "list") == []


def test_users_come_change_and_go(garcom: Terminal) -> None:
    assert "No user yet" in garcom("user", "list")
    garcom("user", "add", "root", "--role", "admin", "--no-password")
    garcom("user", "add", "ana", "--no-password")
    assert garcom("user", "grant", "ana", "trainer:wine") == "User ana may do: trainer:wine.\n"
    assert garcom("user", "revoke", "ana", "trainer:wine") == "User ana may do: none.\n"
    garcom("user", "disable", "ana")
    assert "disabled" in garcom("user", "list")
    garcom("user", "enable", "ana")
    assert [user["disabled_at"] for user in garcom.json("user", "list")] == [None, None]
    garcom("user", "remove", "ana")
    assert [user["name"] for user in garcom.json("user", "list")] == ["root"]
    with pytest.raises(Conflict, match="last administrator"):
        garcom("user", "remove", "root")


NOBODY = "No valid user or key has the role admin for all models"


def test_who_may_do_nothing_is_told_of_it(garcom: Terminal) -> None:
    garcom("user", "add", "root", "--role", "admin", "--no-password")
    added = garcom.run("user", "add", "ana", "--no-password")
    assert "warning: ana may do nothing yet. `garcom user grant ana ROLE[:MODEL]`" in added.stderr
    made = garcom.run("api-key", "create", "pricing")
    assert "may do nothing, and the roles of a key stay as they were made" in made.stderr
    assert is_key(made.stdout.strip())
    for able in (("user", "add", "rui", "--role", "viewer", "--no-password"), ("user", "list")):
        assert "warning" not in garcom.run(*able).stderr


def test_where_nobody_may_administer_every_command_says_so(garcom: Terminal) -> None:
    assert "warning" not in garcom.run("user", "list").stderr  # nobody is asked who they are
    for arguments in (
        ("user", "add", "ana", "--role", "admin:wine", "--no-password"),
        ("user", "list", "--json"),
        ("api-key", "create", "pricing", "--role", "client"),
        ("user", "disable", "ana"),
    ):
        assert NOBODY in garcom.run(*arguments).stderr, arguments
    garcom("user", "grant", "ana", "admin")
    assert NOBODY in garcom.run("user", "list").stderr  # she is disabled
    assert NOBODY not in garcom.run("user", "enable", "ana").stderr


def test_a_key_may_be_the_administrator_for_as_long_as_it_is_valid(garcom: Terminal) -> None:
    made = garcom.run("api-key", "create", "deploy", "--role", "admin")
    assert NOBODY not in made.stderr
    assert NOBODY in garcom.run("api-key", "revoke", made.stdout[:11]).stderr


def test_a_key_stands_alone_on_standard_output_and_is_never_shown_again(garcom: Terminal) -> None:
    made = garcom("api-key", "create", "pricing", "--role", "client:wine")
    key = made.removesuffix("\n")
    assert is_key(key)
    listed = garcom("api-key", "list") + garcom("api-key", "list", "--json")
    assert key[:11] in listed
    assert key[12:] not in listed
    assert "never" in listed


def test_a_key_with_expiry_and_limits(garcom: Terminal) -> None:
    options = ("--expires", "90d", "--requests", "100/1s", "--rows", "5000/10s", "--daily-rows", "7")
    made = garcom.json("api-key", "create", "pricing", "--role", "client:wine", *options)
    assert is_key(made["key"])
    assert made["limits"] == {"requests": "100/1s", "rows": "5000/10s", "daily_rows": 7}
    assert made["created_by"].startswith("local:")
    ahead = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89) < ahead <= timedelta(days=90)
    (listed,) = garcom.json("api-key", "list")
    assert listed == {name: value for name, value in made.items() if name != "key"}


def test_an_expiry_that_is_near_is_told_with_its_time(garcom: Terminal) -> None:
    made = garcom.run("api-key", "create", "soon", "--role", "client", "--expires", "1.5h")
    near = datetime.fromisoformat(garcom.json("api-key", "list")[0]["expires_at"])
    assert f"until {near:%Y-%m-%d %H:%M} UTC." in made.stderr
    made = garcom.run("api-key", "create", "later", "--role", "client", "--expires", "90d")
    far = datetime.fromisoformat(garcom.json("api-key", "list")[1]["expires_at"])
    assert f"until {far:%Y-%m-%d}." in made.stderr
    listed = " ".join(garcom("api-key", "list").split())
    assert f"valid until {near:%Y-%m-%d %H:%M} UTC" in listed
    assert f"valid until {far:%Y-%m-%d} never" in listed


def test_a_prefix_that_no_key_has_is_not_told_to_look_otherwise(garcom: Terminal) -> None:
    for prefix, said in (("gk_nothere1", "No API key begins with gk_nothere1."), ("gk_no", "got something else")):
        with pytest.raises(NotFound, match=said) as caught:
            garcom("api-key", "revoke", prefix)
        assert "`garcom api-key list`" in str(caught.value)
    key = garcom("api-key", "create", "pricing", "--role", "client").strip()
    with pytest.raises(NotFound) as caught:
        garcom("api-key", "revoke", key)
    assert key[12:] not in str(caught.value)


def test_a_revoked_key_says_so(garcom: Terminal) -> None:
    prefix = garcom.json("api-key", "create", "pricing")["prefix"]
    assert garcom("api-key", "revoke", prefix) == f"API key {prefix} (pricing) is revoked.\n"
    assert "revoked" in garcom("api-key", "list")
    with pytest.raises(Conflict, match="revoked already"):
        garcom("api-key", "revoke", prefix)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("user", "add", "a b", "--no-password"), InputError),
        (("user", "add", "ana\x1b[31m", "--no-password"), InputError),
        (("user", "add", "ana", "--role", "root", "--no-password"), InputError),
        (("user", "add", "ana", "--role", "viewer:UPPER", "--no-password"), InputError),
        (("user", "grant", "nobody", "viewer"), NotFound),
        (("user", "password", "nobody", "--generate"), NotFound),
        (("api-key", "create", "k", "--expires", "yesterday"), InputError),
        (("api-key", "create", "k", "--expires", "2020-01-01"), InputError),
        (("api-key", "create", "k", "--expires", "9999999d"), InputError),
        (("api-key", "create", "k", "--requests", "many"), InputError),
        (("api-key", "revoke", "gk_AAAAAAAA"), NotFound),
    ],
)
def test_what_cannot_be_is_refused(garcom: Terminal, arguments: tuple[str, ...], kind: type[GarcomError]) -> None:
    with pytest.raises(kind) as caught:
        garcom(*arguments)
    assert str(caught.value).isprintable()


def test_tables_of_long_names_fit_a_terminal(garcom: Terminal) -> None:
    garcom("user", "add", "x" * 100, "--role", "client:" + "m" * 100, "--no-password")
    garcom("api-key", "create", "y" * 100, "--role", "client:" + "m" * 100, "--expires", "90d")
    for command in ("user", "api-key"):
        assert max(map(len, garcom(command, "list").splitlines())) <= 80
