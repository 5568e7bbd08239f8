"""Python runs this when it starts, where this folder is on PYTHONPATH: in a notebook's kernel and all it starts.

No socket leaves the machine, whoever tries is written down, and there is one core: as it is on Binder.
"""

import ipaddress
import os
import socket

LOG = os.environ["WORKBENCH_TEST_REFUSED"]


class NetworkUseError(RuntimeError):
    """Not an OSError, so that no library takes it for a bad connection and tries again."""


def check(host):
    if host in (None, "", "localhost", b"localhost"):
        return
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        if ipaddress.ip_address(name).is_loopback:
            return
    except ValueError:
        pass
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(f"{name}\n")
    raise NetworkUseError(f"A notebook tried to reach {name!r}.")


def guard(name):
    plain = getattr(socket.socket, name)

    def guarded(sock, address):
        if sock.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
            check(address[0])
        return plain(sock, address)

    setattr(socket.socket, name, guarded)


guard("connect")
guard("connect_ex")
find_addresses = socket.getaddrinfo


def guarded_getaddrinfo(host, *args, **kwargs):
    check(host)
    return find_addresses(host, *args, **kwargs)


socket.getaddrinfo = guarded_getaddrinfo

if hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix(
        "gw"
    )  # those side by side take one each
    os.sched_setaffinity(0, {cores[int(worker) % len(cores)]})
