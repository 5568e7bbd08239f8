"""What converting prints in a process of its own: nothing. There the libraries are imported for the first time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "call",
    [
        "wb.export_onnx(source, opset=17)",  # Optimum would rather have 18
        "wb.optimize_onnx(wb.export_onnx(source), level=99)",  # fits this CPU alone
    ],
)
def test_converting_is_silent(call: str, tmp_path: Path) -> None:
    code = f"import workbench as wb; source = wb.load_model('random/tiny-bert'); {call}"
    env = {**os.environ, "WORKBENCH_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
