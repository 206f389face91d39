"""The walls around the process of a Python engine, one per module, and the order in which they go up.

The process puts them up itself, before it reads anything of a model (:mod:`.confined`):

============  ====================================================================================
namespaces    no network, no other process, no other's messages; a tree of files of its own
files         that tree: read-only, and only Python's libraries in it
identity      the user ``nobody``, no capability, no way to gain one
environment   no variable but a few constants, no descriptor but the socket
limits        memory, addresses, processor time, threads, descriptors; no file of any length
landlock      the same files once more, by another part of the kernel; no TCP; no signal or socket outside
seccomp       of the kernel's calls only those that computing takes
============  ====================================================================================

From outside, :mod:`.hold` lets the process stand still between two calls, and looks at its memory during them.
:mod:`.canary` tries to get through the walls; :mod:`.check` lets it, once, before the first model is trusted to them.
"""

#: Every wall, in the order in which they go up; a Python engine needs all of them.
WALLS = ("namespaces", "files", "identity", "environment", "limits", "landlock", "seccomp")

#: The user and group that a confined process runs as.
NOBODY = 65534
