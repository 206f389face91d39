from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from garcom.access.listing import current_access_list, current_access_revision
from garcom.access.signing_keys import KNOWN_AFTER, SECRET, SigningKeys
from garcom.access.tokens import Issuer, Verifier
from garcom.errors import SettingsError, Unauthenticated
from garcom.storage.database import Database
from garcom.storage.tokens import public_keys

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LONGEST = timedelta(hours=12)
ISSUER = Issuer("garcom", "garcom")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(tmp_path / "home")


@pytest.fixture
def keys(database: Database) -> SigningKeys:
    return SigningKeys(database, every=30 * DAY, longest=LONGEST)


def known(database: Database) -> dict[str, str]:
    with database.read() as connection:
        return public_keys(connection)


def files_of(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.glob("garcom.db*"))


def test_the_first_key_is_made_when_it_is_needed(database: Database, keys: SigningKeys) -> None:
    assert known(database) == {}
    key = keys.signer(NOW)
    assert known(database) == {key.kid: key.public}
    assert keys.signer(NOW + DAY) == key
    assert current_access_revision(database) == 1


def test_processes_that_come_at_the_same_time_make_one(database: Database, keys: SigningKeys) -> None:
    with ThreadPoolExecutor(8) as threads:
        signers = list(threads.map(lambda _: keys.signer(NOW), range(8)))
    assert len(set(signers)) == 1
    assert len(known(database)) == 1


def test_a_server_with_access_control_has_a_key_before_anybody_asks(database: Database) -> None:
    assert current_access_list(database, public=False).token_keys == {}
    assert len(current_access_list(database, public=True).token_keys) == 1


def test_a_new_key_signs_when_every_worker_knows_it(keys: SigningKeys) -> None:
    first = keys.signer(NOW)
    second = keys.rotate(NOW + DAY)
    assert keys.signer(NOW + DAY) == first
    assert keys.signer(NOW + DAY + KNOWN_AFTER).kid == second


def test_of_keys_that_are_all_new_the_first_signs(keys: SigningKeys) -> None:
    first = keys.signer(NOW)
    keys.rotate(NOW + timedelta(seconds=1))
    assert keys.signer(NOW + timedelta(seconds=2)) == first


def test_keys_are_replaced_and_retired_by_the_clock(database: Database, keys: SigningKeys) -> None:
    first = keys.signer(NOW)
    keys.keep(NOW + 29 * DAY)
    assert list(known(database)) == [first.kid]
    replaced = NOW + 30 * DAY
    keys.keep(replaced)
    assert len(known(database)) == 2
    last_token, claims = ISSUER.issue(keys.signer(replaced), "user:ana", timedelta(minutes=10), replaced)
    keys.keep(replaced + LONGEST)
    assert Verifier(known(database), "garcom", "garcom").verify(last_token, claims.issued_at)
    revision = current_access_revision(database)
    keys.keep(replaced + LONGEST + KNOWN_AFTER + timedelta(seconds=1))
    assert first.kid not in known(database)
    assert current_access_revision(database) > revision
    with pytest.raises(Unauthenticated):
        Verifier(known(database), "garcom", "garcom").verify(last_token, claims.issued_at)
    keys.keep(replaced + 2 * DAY)
    assert len(known(database)) == 1


def test_the_private_half_is_deleted_with_the_key(database: Database, keys: SigningKeys) -> None:
    keys.signer(NOW)
    with database.read() as connection:
        wrapped = connection.exec_driver_sql("SELECT private FROM signing_keys").scalar_one()
    assert wrapped.encode() in files_of(database.home)
    keys.rotate(NOW, end_all=True)
    assert wrapped.encode() not in files_of(database.home)


def test_after_end_all_nothing_from_before_verifies(database: Database, keys: SigningKeys) -> None:
    token, claims = ISSUER.issue(keys.signer(NOW), "user:ana", timedelta(minutes=10), NOW)
    kid = keys.rotate(NOW, end_all=True)
    assert list(known(database)) == [kid]
    assert keys.signer(NOW).kid == kid
    with pytest.raises(Unauthenticated):
        Verifier(known(database), "garcom", "garcom").verify(token, claims.issued_at)


def test_the_database_alone_signs_nothing(database: Database, keys: SigningKeys) -> None:
    private = keys.signer(NOW).private
    content = files_of(database.home)
    for form in (private, private.hex().encode(), base64.b64encode(private), base64.urlsafe_b64encode(private)[:-1]):
        assert form not in content
    (database.home / "secrets" / SECRET).write_bytes(bytes(32))
    with pytest.raises(SettingsError, match="rotate-keys --end-all"):
        keys.signer(NOW)
    keys.rotate(NOW, end_all=True)
    assert keys.signer(NOW)
