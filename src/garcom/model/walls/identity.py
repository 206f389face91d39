"""Identity: the user nobody, without a capability, a group, or a way to gain either."""

from __future__ import annotations

import os
import signal

from garcom.model.walls import NOBODY, kernel

_LAST_CAPABILITY = 63


def become_nobody() -> None:
    """Give up root's user and groups, for a process that has them; takes effect at once and for good."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def give_up_rights() -> None:
    """Drop every capability and the way to any, and end with the parent. Raises :class:`OSError`."""
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
        except OSError:  # the kernel knows no more of them
            break
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    # struct __user_cap_header_struct, version 3, this process; then three empty sets in two halves.
    header = (0x20080522).to_bytes(4, "little") + bytes(4)
    kernel.call("capset", header, bytes(24))
    # Nobody of the same name may look into it, and no core is written. After the change of user, which undoes both.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
