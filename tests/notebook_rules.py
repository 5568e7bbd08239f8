"""What a notebook has to be before it goes into git. Run by a test, and by pre-commit on the files it is given."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def find_faults(path: Path) -> list[str]:
    """What is wrong with this notebook, a line for each thing; empty when all is well."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    faults = []
    if notebook.get("metadata", {}).get("kernelspec", {}).get("name") != "python3":
        faults.append(
            f"{path}: no kernel named python3 in its metadata, so JupyterLab would ask for one. "
            "Open it, choose the kernel, save."
        )
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell.get("outputs") or cell.get("execution_count") is not None:
            faults.append(
                f"{path}, cell {number}: carries outputs. In JupyterLab: Edit, Clear Outputs of All Cells."
            )
    if "widgets" in notebook.get("metadata", {}):
        faults.append(f"{path}: carries saved widget state. Restart the kernel, clear all outputs, save.")
    return faults


if __name__ == "__main__":
    found = [fault for name in sys.argv[1:] for fault in find_faults(Path(name))]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))
