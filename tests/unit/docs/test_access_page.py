"""The page on access says what roles permit and which routes there are."""

from __future__ import annotations

import re

from garcom.access.roles import PERMISSIONS, Permission, Role
from garcom.http import accounts
from tests.documents import DOCS

PAGE = (DOCS / "reference" / "access.md").read_text(encoding="utf-8")


def test_the_table_of_roles_is_what_they_permit() -> None:
    columns = next(line for line in PAGE.splitlines() if line.startswith("| permission |"))
    roles = [Role(cell.strip()) for cell in columns.split("|")[2:-1]]
    assert set(roles) == set(Role)
    told: dict[Permission, set[Role]] = {}
    for name, cells in re.findall(r"^\| `(\w+)`[^|]*\|(.*)\|$", PAGE, re.MULTILINE):
        if name in list(Permission):
            answers = [cell.strip() for cell in cells.split("|")]
            assert set(answers) <= {"yes", ""}
            told[Permission(name)] = {role for role, answer in zip(roles, answers, strict=True) if answer}
    assert told == {permission: {role for role in Role if permission in PERMISSIONS[role]} for permission in Permission}


def test_every_route_of_users_and_keys_is_on_the_page() -> None:
    served = {
        f"{method} {getattr(route, 'path', '')}"
        for route in accounts.router.routes
        for method in getattr(route, "methods", ())
    }
    assert served == set(re.findall(r"^\| `([A-Z]+ /v1/[^`]+)` \|", PAGE, re.MULTILINE))
