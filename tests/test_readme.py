"""The README's examples are run as they stand, top to bottom, in one namespace."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_examples_of_the_readme_run(workspace, tmp_path, monkeypatch):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [(match.start(), match[1]) for match in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S)]
    assert blocks, "README.md has no ```python block left to run."
    monkeypatch.chdir(tmp_path)  # an example may write beside itself
    namespace: dict = {"__name__": "readme"}
    for start, block in blocks:
        line = text.count("\n", 0, start) + 1
        # Blank lines in front make a traceback point at the line in the README.
        exec(compile("\n" * line + block, "README.md", "exec"), namespace)
