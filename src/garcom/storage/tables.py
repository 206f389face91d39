"""The tables. ``migrations/`` builds the same schema step by step; a test holds the two equal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    false,
    text,
)

metadata = MetaData(
    # Alembic can only change a constraint that has a name.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC without a zone in the database (SQLite knows no zones)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware instant into UTC without a zone."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


def _unique_where(name: str, condition: str, *columns: Column[Any]) -> None:
    """A unique index of the rows that the condition, in SQL, holds for."""
    index = Index(name, *columns, unique=True, sqlite_where=text(condition))

    # Told only to PostgreSQL: naming its dialect here would make every process import it.
    @event.listens_for(columns[0].table, "before_create")
    def _tell(_table: Table, connection: Any, **_: Any) -> None:
        if connection.dialect.name == "postgresql":
            index.dialect_options["postgresql"]["where"] = text(condition)


def _version_facts(name: str, value: Column[Any]) -> Table:
    """A table of named values of a version."""
    return Table(
        name,
        metadata,
        Column("version_id", ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
        Column("name", String(200), primary_key=True),
        value,
    )


#: A removed model keeps its row, because its version numbers are never given again.
models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("created", Moment, nullable=False),
    Column("removed_at", Moment),
    Column("is_default", Boolean, nullable=False, server_default=false()),
    Column("last_number", Integer, nullable=False, server_default="0"),
    UniqueConstraint("name"),
)
_unique_where("uq_models_default", "is_default", models.c.is_default)

versions = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("task", String(20), nullable=False),
    Column("created", Moment, nullable=False),
    Column("removed_at", Moment),
    Column("metadata", JSON, nullable=False),
    UniqueConstraint("model_id", "number"),
)
# The same content is at most one living version of a model, whoever registers it and at the same time.
_unique_where("uq_versions_living_digest", "removed_at IS NULL", versions.c.model_id, versions.c.digest)

#: NULL is a metric that is not a number (undefined for these data).
metrics = _version_facts("metrics", Column("value", Float))
parameters = _version_facts("parameters", Column("value", Text, nullable=False))
lineage = _version_facts("lineage", Column("value", JSON, nullable=False))

#: Which version of a model answers; a model without a row answers nothing.
traffic = Table(
    "traffic",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
)

#: Paths of a model's own beside ``/v1/models/{model}/predict``.
routes = Table(
    "routes",
    metadata,
    Column("path", String(200), primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
)

#: A removed dataset keeps its row, because its version numbers are never given again.
datasets = Table(
    "datasets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_number", Integer, nullable=False, server_default="0"),
    UniqueConstraint("name"),
)

#: ``state`` tells what was going on with the version's table, so that whoever comes next can end what a killed process
#: began: ``writing`` and ``removing`` (nobody sees the version), ``ready``, ``erasing`` (``next_digest`` is to come).
dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset_id", ForeignKey("datasets.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("next_digest", String(64)),
    Column("delta_version", Integer, nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("columns", JSON, nullable=False),
    Column("profile", JSON, nullable=False),
    Column("lineage", JSON, nullable=False),
    Column("erasures", JSON, nullable=False),
    UniqueConstraint("dataset_id", "number"),
    CheckConstraint("state IN ('writing', 'ready', 'erasing', 'removing')", name="known_state"),
)

#: People. One that only an external provider knows has no password; ``sessions_from`` ends every session that is older.
users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", Text),
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
    Column("sessions_from", Moment, nullable=False),
    UniqueConstraint("name"),
)

#: Keys of services. ``prefix`` is what is shown of a key and names it; ``digest`` is its SHA-256.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("prefix", String(20), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("last_used_at", Moment),
    Column("limits", JSON, nullable=False),
    UniqueConstraint("prefix"),
    UniqueConstraint("digest"),
)

#: What a user or a key may do; ``model`` is a model's name, or ``*`` for all. A model need not exist yet.
grants = Table(
    "grants",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    Column("api_key_id", ForeignKey("api_keys.id", ondelete="CASCADE")),
    Column("role", String(20), nullable=False),
    Column("model", String(100), nullable=False),
    UniqueConstraint("user_id", "role", "model"),
    UniqueConstraint("api_key_id", "role", "model"),
    CheckConstraint("(user_id IS NULL) <> (api_key_id IS NULL)", name="one_holder"),
)

#: Refresh tokens, as SHA-256. Those that came from one login are a family: one used twice ends them all.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("family", String(36), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("revoked_at", Moment),
    UniqueConstraint("digest"),
)
Index("ix_refresh_tokens_family", refresh_tokens.c.family)

#: Tokens and sessions that were ended before their time; a row may go when the time is up.
revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", String(36), primary_key=True),
    Column("expires_at", Moment, nullable=False),
)

#: The Ed25519 keys that sign tokens; the newest signs, and those before it still verify until they are retired.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(36), primary_key=True),
    Column("private", String(64), nullable=False),
    Column("public", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("retired_at", Moment),
)

#: The Ed25519 public keys whose signatures under bundles are known here.
bundle_keys = Table(
    "bundle_keys",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("public", String(64), nullable=False),
    Column("added_at", Moment, nullable=False),
    UniqueConstraint("name"),
)

#: Who did what, when, from where: one row after the other, none ever changed or taken away. ``hash`` is over the row
#: and the hash before it, under a secret of the installation (see ``storage/audit.py``).
audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", String(60), nullable=False),
    Column("target", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("hash", String(64), nullable=False),
)
#: What keeps the trail from mistakes; whoever may alter the schema is found by the hashes. The rule on inserts is for
#: SQLite's INSERT OR REPLACE, which deletes without calling any trigger on deletion.
_APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
        "CREATE TRIGGER audit_in_order BEFORE INSERT ON audit "
        "WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit) "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$",
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()",
    ),
}
for _dialect, _statements in _APPEND_ONLY.items():
    for _statement in _statements:
        event.listen(audit, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

#: What monitoring knows of the rows of an hour (``hours`` is 1; ``hour`` is its start, UTC), and of a whole ``day``
#: (24): a body that ``garcom.profiles`` reads. ``stage`` is the role that answered; ``segment`` is empty for all rows,
#: else ``field=value``. Bodies of two layouts cannot be merged. A day that has hours is their sum, and may be
#: absent; one whose hours were removed stands alone. ``named`` is whether the body names values of categories that were
#: never seen before. The key is in the order in which a window is read, and the body is last: whoever counts rows does
#: not touch it.
profiles = Table(
    "profiles",
    metadata,
    Column("model", String(100), primary_key=True),
    Column("segment", Text, primary_key=True),
    Column("hours", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("stage", String(20), primary_key=True),
    Column("hour", Moment, primary_key=True),
    Column("layout", String(64), primary_key=True),
    Column("day", Moment, nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("named", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("ix_profiles_day", profiles.c.day, profiles.c.hours, profiles.c.model, profiles.c.segment)
Index("ix_profiles_named", profiles.c.named, profiles.c.model, profiles.c.day)

#: The last segment of each journal's writer whose rows are in the profiles, written in the transaction that adds them.
profile_progress = Table(
    "profile_progress",
    metadata,
    Column("writer", String(100), primary_key=True),
    Column("number", Integer, nullable=False),
)

#: One row: ``revision`` counts every change to who may do what.
access_state = Table(
    "access_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    CheckConstraint("id = 1", name="single_row"),
)

#: One row: ``revision`` counts every change to what answers.
state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    CheckConstraint("id = 1", name="single_row"),
)
