"""The plan of the workshop: its cell runs, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import workbench as wb

PLAN = Path(__file__).parent.parent / "notebooks" / "workshop.md"


def test_the_check_of_the_machine_runs(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PLAN.read_text(), re.S | re.M)
    exec(compile(code, PLAN.name, "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    names = [row.name for row in wb.check_setup().rows]
    assert [name for name in names if not any(name in line for line in lines)] == []
    assert lines[-1] == "fine  a model was exported, quantized and asked"


def test_links_resolve() -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", PLAN.read_text())
    assert targets
    assert not [target for target in targets if not (PLAN.parent / target).exists()]


def test_the_plan_takes_four_hours_without_a_gap() -> None:
    rows = re.findall(r"^\| (\d):(\d\d) \| (\d+) \|", PLAN.read_text(), re.M)
    now = 0
    for hours, minutes, length in rows:
        assert 60 * int(hours) + int(minutes) == now
        now += int(length)
    assert now == 240
