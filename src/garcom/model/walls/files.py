"""Files: a tree of its own with Python's libraries and nothing else, all of it read-only.

Nothing of the home folder is in it: the model's files are opened before. Because it is made of mounts, it also serves
where the libraries lie below a folder that nobody may enter, such as ``/root``.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from garcom.model.walls import kernel

#: Where shared libraries lie, what finds them, and the rules of time zones.
_OF_THE_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
)
#: Not /dev/zero: mapped shared, it is memory that no limit counts.
DEVICES = ("/dev/null", "/dev/urandom")
_OLD = ".old"
_SEALED = kernel.MS_RDONLY | kernel.MS_NOSUID


def libraries() -> list[str]:
    """Every file and folder that this Python takes code from, none of them inside another, links resolved."""
    of_python = [sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    beside = [os.path.join(prefix, name) for prefix in (sys.base_prefix, sys.prefix) for name in ("lib", "lib64")]
    asked = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    paths = [*of_python, *beside, *sys.path, *asked, *_OF_THE_SYSTEM]
    real = sorted({os.path.realpath(path) for path in paths if path and os.path.exists(path)})
    if "/" in real:
        raise OSError(0, "the whole machine is on Python's path")
    return [path for path in real if not any(path.startswith(f"{other}/") for other in real)]


def links(real: list[str]) -> dict[str, str]:
    """The other names by which the libraries are asked for, and the real ones."""
    paths = [*sys.path, sys.base_prefix, sys.prefix, *_OF_THE_SYSTEM]
    found = {path: os.path.realpath(path) for path in paths if path.startswith("/")}
    return {
        path: target
        for path, target in sorted(found.items())
        if path != target and any(f"{target}/".startswith(f"{each}/") for each in real)
    }


def build(folder: str, real: list[str], other_names: dict[str, str]) -> None:
    """Move this process into a tree that holds ``real`` under their own names and links to them.

    ``folder`` is any folder; the tree is mounted there on its way. The process needs a mount namespace of its own, and
    the right to mount in it. Raises :class:`OSError`.
    """
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,nr_inodes=4k,mode=0755")
    old = os.path.join(folder, _OLD)
    os.mkdir(old)
    kernel.call("pivot_root", os.fsencode(folder), os.fsencode(old))
    os.chdir("/")
    for path in (*real, *DEVICES):
        _bind(path)
    for path, target in other_names.items():
        if not os.path.lexists(path):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(target, path)
    kernel.call("umount2", f"/{_OLD}".encode(), kernel.MNT_DETACH)
    os.rmdir(f"/{_OLD}")
    kernel.restrict_mount("/", _SEALED | kernel.MS_NODEV | kernel.MS_NOEXEC, below=False)


def _bind(path: str) -> None:
    source = f"/{_OLD}{path}"
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if os.path.isdir(source):
        Path(path).mkdir(exist_ok=True)
    else:
        Path(path).touch()
    # With all that is mounted below: a user namespace may not look under mounts that it has got.
    kernel.mount(source, path, flags=kernel.MS_BIND | kernel.MS_REC)
    of_devices = kernel.MS_NOEXEC if path in DEVICES else kernel.MS_NODEV
    kernel.restrict_mount(path, _SEALED | of_devices, below=True)
