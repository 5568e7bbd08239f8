"""The cores that a process may use: its affinity, cut by the container's quota."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench import machine


def write_cgroup(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "200000 100000"}, 2.0),
        ({"cpu.max": "50000 100000"}, 0.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "100000"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "rubbish"}, None),
        ({"membership": "0::/a/b", "cpu.max": "max 100000", "a/b/cpu.max": "300000 100000"}, 3.0),
        ({"membership": "0::/a/b", "a/cpu.max": "100000 100000", "a/b/cpu.max": "300000 100000"}, 1.0),
        ({}, None),
    ],
)
def test_the_quota_of_a_container(tmp_path, files, quota):
    assert machine.cpu_quota(write_cgroup(tmp_path, files), tmp_path / "membership") == quota


@pytest.mark.parametrize(
    ("allowed", "quota", "cores"),
    [(8, None, 8), (8, 2.0, 2), (8, 1.5, 2), (8, 0.5, 1), (2, 16.0, 2), (1, None, 1)],
)
def test_the_smaller_of_affinity_and_quota_counts(monkeypatch, allowed, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(allowed)), raising=False)
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert machine.usable_cores() == cores


def test_affinity_is_honoured_for_real():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert machine.usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_without_affinity_the_machine_counts(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(machine, "cpu_quota", lambda: None)
    assert machine.usable_cores() == 6
