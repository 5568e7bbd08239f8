"""The memory that a container grants: control groups of both versions, at their root and where the process is."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import machine

GB = 1 << 30


def write_files(root: Path, files: dict[str, object]) -> tuple[Path, Path]:
    """Control groups, and the file that says in which of them this process is."""
    files = {"membership": "0::/", **files}
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    return root, root / "membership"


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"memory.max": 2 * GB}, 2 * GB),
        ({"memory.max": "max"}, None),
        ({"memory/memory.limit_in_bytes": 3 * GB, "membership": "4:memory:/"}, 3 * GB),
        ({"memory/memory.limit_in_bytes": 9223372036854771712}, None),
        ({"membership": "0::/a/b", "a/b/memory.max": "max", "a/memory.max": GB}, GB),
        ({"membership": "0::/a", "memory.max": 4 * GB, "a/memory.max": 5 * GB}, 4 * GB),
        ({"membership": "4:cpu,memory:/x\n0::/", "memory/x/memory.limit_in_bytes": GB}, GB),
        ({"membership": "4:cpu:/x", "memory/x/memory.limit_in_bytes": GB}, None),
        ({"membership": "0::/../../elsewhere", "memory.max": GB}, GB),
        ({"membership": "rubbish", "memory.max": "rubbish"}, None),
        ({}, None),
    ],
)
def test_the_limit_of_a_container(tmp_path, files, limit):
    assert machine.memory_limit(*write_files(tmp_path, files)) == limit


def test_what_is_free_is_what_the_container_leaves_with_its_file_cache(tmp_path):
    files = {
        "memory.max": 2 * 1000**2,
        "memory.current": 1_500_000,
        "memory.stat": "anon 5\ninactive_file 300000",
    }
    assert machine.free_memory(*write_files(tmp_path / "2", files)) == 800_000
    old = {
        "membership": "1:memory:/",
        "memory/memory.limit_in_bytes": 1000,
        "memory/memory.usage_in_bytes": 3000,
        "memory/memory.stat": "total_inactive_file 500",
    }
    assert machine.free_memory(*write_files(tmp_path / "1", old)) == 0
    assert machine.free_memory(*write_files(tmp_path / "0", {})) > 1_000_000


def test_kills_for_lack_of_memory_are_counted(tmp_path):
    assert machine.count_memory_kills(*write_files(tmp_path / "0", {})) == 0
    new = {"memory.events": "low 0\noom 3\noom_kill 2"}
    assert machine.count_memory_kills(*write_files(tmp_path / "2", new)) == 2
    old = {"memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1"}
    assert machine.count_memory_kills(*write_files(tmp_path / "1", old)) == 1
