"""What is told where a wall cannot stand."""

from __future__ import annotations

from garcom.errors import EngineError

#: What the operator can do about each wall that the kernel does not give.
_REMEDIES = {
    "namespaces": "Let this user make namespaces (sysctl user.max_user_namespaces above 0, "
    "kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; a container needs "
    "CAP_SYS_ADMIN or a seccomp profile with unshare and mount)",
    "files": "Let this user mount in its own namespace (kernel.apparmor_restrict_unprivileged_userns=0; a container "
    "needs CAP_SYS_ADMIN or a seccomp profile with mount and pivot_root), on Linux 5.12 or newer",
    "landlock": "Start Linux 5.13 or newer with landlock among lsm=",
    "seccomp": "Run on Linux with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64",
}


class WallMissing(EngineError):
    """A wall that a Python engine needs cannot stand; ``wall`` is its name, ``why`` what the kernel said."""

    def __init__(self, wall: str, why: str) -> None:
        remedy = _REMEDIES.get(wall, "See `garcom doctor`")
        super().__init__(
            f"A Python engine needs the wall {wall!r}, and it cannot stand here ({why}). {remedy}; or, for bundles "
            "that you trust like programs of your own, say --allow-python=unconfined."
        )
        self.wall = wall
        self.why = why
