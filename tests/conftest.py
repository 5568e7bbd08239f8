"""What every test stands on: no network, and a workspace of its own where it asks for one."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from pathlib import Path

import pytest

# The Hub packages read this once, when they are imported: so it is set before any test can import them.
os.environ["HF_HUB_OFFLINE"] = "1"
# The models are tiny: sharing their work out costs more than it wins, and many times more on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")


class NetworkUseError(RuntimeError):
    """A test tried to leave this machine. Not an OSError, so that no library swallows it and tries again."""


def _is_local(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def _offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps sockets on this machine and the Hub packages offline (but for tests marked `hub`)."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(host: object) -> None:
        if not _is_local(host):
            raise NetworkUseError(
                f"A test tried to reach {host!r}, but tests stay on this machine. "
                "Use a bundled model, a `random/…` one or a stand-in server on localhost."
            )

    def check_socket(sock: socket.socket, address: object) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
            check(address[0])

    def guarded_connect(sock: socket.socket, address):
        check_socket(sock, address)
        return connect(sock, address)

    def guarded_connect_ex(sock: socket.socket, address):
        check_socket(sock, address)
        return connect_ex(sock, address)

    def guarded_getaddrinfo(host, *args, **kwargs):
        check(host)
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)

    if request.node.get_closest_marker("hub"):
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        for module, flag in (
            ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
            ("transformers.utils.hub", "_is_offline_mode"),
        ):
            if module in sys.modules:
                monkeypatch.setattr(sys.modules[module], flag, False)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the workbench keeps its variants in during this test."""
    home = tmp_path / "workspace"
    monkeypatch.setenv("WORKBENCH_HOME", str(home))
    return home


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests have measured (`record_property("figures", …)`), whichever process they ran in."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    figures = [str(text) for report in reports for name, text in report.user_properties if name == "figures"]
    if figures:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(sorted(figures)))
