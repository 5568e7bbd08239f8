"""Prints the figures that the project claims: `make bench`, or `make bench ARGS="conversion"` for one of them."""

from __future__ import annotations

import argparse
import importlib
import os
import tempfile

from workbench.machine import cpu_features, package_versions, usable_cores

RACES = ("race_demo", "race_roberta", "race_hard")
BENCHES = ("conversion", "graph_view", "latency", "layers", "quality", *RACES, "workbench")


def main() -> None:
    """Runs the benches asked for, each printing its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "names", nargs="*", choices=[*BENCHES, []], help=f"which ones (default: all of {BENCHES})"
    )
    names = parser.parse_args().names or BENCHES
    versions = package_versions()
    picked = ("torch", "transformers", "onnx", "onnxruntime", "numpy")
    print(
        f"{usable_cores()} cores, {', '.join(cpu_features()) or 'no known CPU feature'}, load {os.getloadavg()[0]:.2f}"
    )
    print(", ".join(f"{name} {versions[name]}" for name in picked))
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("WORKBENCH_HOME", folder)
        for name in names:
            print(f"\n== {name}", flush=True)
            importlib.import_module(f"tests.bench.{name}").main()


if __name__ == "__main__":
    main()
