"""Real processes: stopped in the middle, short of space, and two at a time."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.variants import nothing_half_made

CHAIN = ["onnx-fp32", "onnx-int8-dynamic", "onnx-optimized"]


def run_plan(**plan):
    """Runs `chain.py` on a plan and returns what it prints."""
    script = Path(__file__).with_name("chain.py")
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(plan, default=str)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_nothing_half_made(tmp_path):
    """Twelve moments, one at random in each twelfth of the time that the chain takes."""
    rng = random.Random(20)
    shares = [(index + rng.random()) / 12 for index in range(12)]
    rows = run_plan(what="kills", root=tmp_path, shares=shares)
    assert sum(row["killed"] for row in rows) >= 3, "The kills came too late to say anything."
    assert any(row["leftovers"] for row in rows), "No kill came while something was being made."
    for row in rows:
        assert row["broken"] == []
        assert set(row["loads"]) <= set(CHAIN)
        if "after" in row:
            assert row["next_run"] == 0
            assert row["after"] == {"loads": row["after"]["loads"], "broken": [], "leftovers": []}
            assert sorted(row["after"]["loads"]) == CHAIN


@pytest.mark.slow
def test_no_space_left_is_said_in_one_line(tmp_path):
    """At the first file that is written, and at the model itself, for each verb."""
    rows = run_plan(what="limits", root=tmp_path, limits=[300, 60_000])
    assert len(rows) == 10
    for row in rows:
        assert row["status"] == 0, row
        assert row["said"].startswith("ConvertError: No space left for onnx-"), row
        assert "Free some, or set " in row["said"]
        assert len(row["said"].splitlines()) == 1
        assert nothing_half_made(Path(row["home"])), row
        assert not list(Path(row["home"]).rglob("variant.json"))


@pytest.mark.slow
def test_two_processes_that_make_the_same_variant_both_get_it_whole(tmp_path):
    *rows, home = run_plan(what="pairs", root=tmp_path, processes=2)
    assert [row["status"] for row in rows] == [0, 0]
    assert rows[0] == rows[1], "Made once: the same folder, the same files, made at the same time."
    assert sorted(home["loads"]) == CHAIN
    assert (home["broken"], home["leftovers"]) == ([], [])
