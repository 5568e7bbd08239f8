"""What an import costs and what it pulls in, tried in a fresh process each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ["torch", "transformers", "optimum", "onnxruntime", "IPython", "ipywidgets", "anywidget", "plotly"]

BLOCK = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "optimum"}:
            raise ImportError(f"{name} is not there on a machine that only runs variants")

sys.meta_path.insert(0, Refuse())
"""


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_itself_is_light():
    code = f"""
import sys, time
start = time.perf_counter()
import workbench
seconds = time.perf_counter() - start
import json
print(json.dumps([seconds, [name for name in {HEAVY} if name in sys.modules]]))
"""
    runs = [json.loads(run_python(code)) for _ in range(3)]
    assert runs[0][1] == [], (
        "`import workbench` pulls these in: import them inside the functions that need them."
    )
    assert min(seconds for seconds, _ in runs) < 0.2


@pytest.mark.parametrize(
    "module",
    ["machine", "models.variant", "models.workspace", "runners", "runners.onnxruntime", "runners.openvino"],
)
def test_running_a_variant_needs_no_torch(module):
    """The import contract says so too, but it cannot see imports by name, nor what a package's __init__ brings."""
    run_python(f"{BLOCK}\nimport workbench.{module}")


def test_onnx_runtime_reports_nothing(tmp_path):
    """It would begin with an id of this machine in the home folder; without our word it does, so this can fail."""
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    code = "import workbench.runners.onnxruntime"
    subprocess.run([sys.executable, "-c", code], env={**env, **places}, cwd=ROOT, check=True)
    assert list(tmp_path.rglob("*")) == []
