"""``python -m bench.peers [NAME …]``: install the peers, each into its own environment with uv."""

from __future__ import annotations

import argparse
import subprocess
import sys

from bench.peers.catalogue import FOLDER, NAMES, environment
from bench.systems import command_beside_python


def install(name: str) -> str:
    """Make the peer's environment anew; returns what went wrong, or ``""``."""
    uv, env = str(command_beside_python("uv")), str(environment(name))
    commands = (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, env],
        [uv, "pip", "install", "--quiet", "--python", env, "--requirement", str(FOLDER / name / "requirements.txt")],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip()
    return ""


def main() -> None:
    """Install what was named (default: all); a peer that cannot be installed is reported and skipped."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, help=f"which peers (default: {' '.join(NAMES)})")
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"expected names among {', '.join(NAMES)}, got {', '.join(unknown)}")
    failed = 0
    for name in names:
        problem = install(name)
        failed += bool(problem)
        print(f"{name}: {'cannot be installed, so the benchmark skips it: ' + problem if problem else 'installed'}")
    print(f"{len(names) - failed} of {len(names)} peers are installed.")


if __name__ == "__main__":
    main()
