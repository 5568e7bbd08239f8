"""The examples in the package's docstrings are run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import workbench

ROOT = Path(__file__).parent.parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "workbench").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_docstring_examples(name, workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # An example may use every public name without importing it: it is about one of them, not about imports.
    public = {name: getattr(workbench, name) for name in workbench.__all__}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(
        importlib.import_module(name), extraglobs={**public, "wb": workbench}, optionflags=flags
    )
    assert result.attempted
    assert not result.failed, "See the doctest report above."
