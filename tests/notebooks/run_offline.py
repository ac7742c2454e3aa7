"""Run a command with no network but the loopback: ``python tests/notebooks/run_offline.py COMMAND...``.

The command runs in a network namespace of its own (Linux; no privileges where user namespaces are allowed), so
that a notebook that downloads something fails here and not in a classroom. Exit codes: the command's own; 77 where
this machine cannot do it; 1 if the namespace turns out to have a way out.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
import subprocess
import sys
from typing import NoReturn

CANNOT = 77  # "skipped", to automake and to those who follow it
OUTSIDE = ("192.0.2.1", 80)  # TEST-NET-1 of RFC 5737: an address that nobody has
_INSIDE = "--inside"
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1  # <linux/sockios.h>, <linux/if.h>


def give_up(reason: str) -> NoReturn:
    print(f"run_offline: {reason}", file=sys.stderr)
    sys.exit(CANNOT)


def find_unshare() -> list[str]:
    """Return the command that makes a fresh network namespace; exit with 77 if there is none that works."""
    unshare = shutil.which("unshare")
    if not sys.platform.startswith("linux") or unshare is None:
        give_up("Cutting the network off needs Linux and the program 'unshare' (package util-linux).")
    reasons = []
    for flags in (["-n"], ["-rn"]) if os.geteuid() == 0 else (["-rn"],):
        trial = subprocess.run([unshare, *flags, "true"], capture_output=True, text=True, check=False)
        if trial.returncode == 0:
            return [unshare, *flags]
        reasons.append(f"unshare {flags[0]}: {trial.stderr.strip()}")
    give_up(f"This machine allows no network namespace ({'; '.join(reasons)}). Run it as root, or elsewhere.")


def bring_loopback_up() -> None:
    """Switch the interface ``lo`` on, which a new namespace has, but off: Jupyter's kernels talk over it."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH22x", b"lo", 0)  # struct ifreq
        (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | _IFF_UP))


def prove_offline() -> None:
    """Exit unless the loopback carries a connection and the outside is unreachable at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
    try:
        socket.create_connection(OUTSIDE, timeout=5).close()
        outcome = "a connection"
    except OSError as error:
        if error.errno == errno.ENETUNREACH:
            return
        outcome = str(error)
    sys.exit(f"run_offline: the network is not cut off: {OUTSIDE[0]} gave {outcome}, not 'Network is unreachable'.")


def main(arguments: list[str]) -> None:
    if not arguments:
        sys.exit(__doc__)
    if arguments[0] != _INSIDE:
        command = [*find_unshare(), sys.executable, os.path.abspath(__file__), _INSIDE, *arguments]  # noqa: PTH100
        os.execv(command[0], command)
    bring_loopback_up()
    prove_offline()
    command = arguments[1:]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"run_offline: {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
