"""Namespaces: a network with nothing in it, and no other process, host name, message queue or mount in sight."""

from __future__ import annotations

import os
from pathlib import Path

from garcom.model.walls import NOBODY, kernel

_ALL = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)


def enter() -> bool:
    """Leave the machine's namespaces; the next child is process 1 of its own. Whether that took root's rights.

    Without them it takes a user namespace, in which this user is called nobody. Raises :class:`OSError`.
    """
    user, group = os.geteuid(), os.getegid()
    privileged = user == 0 and _with_rights()
    if not privileged:
        kernel.call("unshare", kernel.CLONE_NEWUSER | _ALL)
        # user_namespaces(7): without rights, only this user itself can be mapped, and groups only after this.
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")
    name = b"model"
    kernel.call("sethostname", name, len(name))
    return privileged


def _with_rights() -> bool:
    try:
        kernel.call("unshare", _ALL)
    except PermissionError:
        return False
    return True
