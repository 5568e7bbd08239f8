"""An ONNX variant runs where neither torch nor transformers is, and where `onnx` need not be."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import json, sys
import numpy as np
import workbench as wb

folder = sys.argv[1]
variant = wb.Variant.load(folder)
with wb.open_runner(variant, threads=1) as runner:
    feed = variant.samples()[0]
    outputs = runner.run(feed)
heavy = [name for name in ("torch", "transformers", "optimum", "onnx", "PIL", "IPython") if name in sys.modules]
print(json.dumps([heavy, {name: value.tolist() for name, value in outputs.items()}]))
"""


def test_running_an_onnx_variant_imports_little(bench):
    import workbench as wb

    variant = bench.int8()
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(variant.path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    heavy, outputs = json.loads(done.stdout)
    assert heavy == []
    with wb.open_runner(variant, threads=1) as runner:
        expected = runner.run(variant.samples()[0])
    assert {name: value.tolist() for name, value in expected.items()} == outputs
