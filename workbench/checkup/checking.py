"""`check_setup`: whether this machine is ready, and what its CPU means for the choices to come."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from collections.abc import Iterable
from pathlib import Path

from workbench.checkup.rows import LOOK, Setup, SetupRow
from workbench.compare.advice_machine import INT8_UNITS
from workbench.graph.tables import format_bytes
from workbench.machine import cpu_features, free_memory, package_versions, usable_cores
from workbench.models.workspace import Workspace

ENOUGH_MEMORY, ENOUGH_DISK = 1.5e9, 2e9
SHOWN = ("torch", "transformers", "onnx", "onnxruntime")
VNNI = {"avx_vnni", "avx512_vnni"}
BF16_UNITS = ("amx_bf16", "avx512_bf16", "bf16")
REINSTALL = "pip install -c constraints.txt -e ."


def check_setup() -> Setup:
    """Looks at the packages, the cores, the memory and the CPU, and says what they mean for inference here.

    Nothing is measured and nothing is sent anywhere.

    Returns:
        A row per thing; `ready` says whether all of them are fine.

    Example:
        >>> setup = check_setup()
        >>> [row.name for row in setup.rows][:4]
        ['packages', 'cores', 'memory', 'workspace']
    """
    features = cpu_features()
    return Setup(
        (
            check_packages(),
            check_cores(usable_cores()),
            check_memory(free_memory()),
            check_workspace(Workspace().root),
            check_int8(features),
            check_bf16(features),
            _check_compiler(),
            _check_openvino(),
            _check_gpu(),
        )
    )


def check_packages() -> SetupRow:
    """Whether the packages are in the ranges that the workbench asks for."""
    from packaging.requirements import Requirement

    versions = package_versions()
    found = ", ".join(f"{name} {versions[name]}" for name in ("python", *SHOWN) if name in versions)
    wrong = []
    try:
        wanted = importlib.metadata.requires("workbench") or ()
    except importlib.metadata.PackageNotFoundError:
        unknown = "workbench itself is not installed, so nothing says which versions it wants"
        return SetupRow("packages", found, LOOK, f"{unknown}. In the repository: {REINSTALL}")
    for line in wanted:
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            if needed.name != "onnxruntime" or "onnxruntime-gpu" not in versions:
                wrong.append(f"{needed.name} is missing")
            continue
        if not needed.specifier.contains(version, prereleases=True):
            wrong.append(f"{needed.name} {version} is not {needed.specifier}")
    if wrong:
        return SetupRow("packages", found, LOOK, f"{'; '.join(wrong)}. In the repository: {REINSTALL}")
    return SetupRow("packages", found, meaning="as the workbench wants them")


def check_cores(cores: int) -> SetupRow:
    """How many there are to share work among.

    Example:
        >>> check_cores(1).meaning
        'everything works; a race takes longer, and there are no threads to share work among'
    """
    if cores == 1:
        return SetupRow(
            "cores",
            "1",
            meaning="everything works; a race takes longer, and there are no threads to share work among",
        )
    return SetupRow("cores", str(cores), meaning=f"a call may use {cores} threads")


def check_memory(free: int) -> SetupRow:
    """Whether the notebooks fit.

    Example:
        >>> check_memory(900_000_000).state
        'LOOK'
    """
    found = f"{format_bytes(free)} free"
    if free < ENOUGH_MEMORY:
        return SetupRow(
            "memory",
            found,
            LOOK,
            f"the notebooks want {format_bytes(ENOUGH_MEMORY)}: close browsers and shut down other kernels",
        )
    return SetupRow("memory", found, meaning="enough for the bundled models")


def check_workspace(root: Path) -> SetupRow:
    """Where variants go, and whether they can."""
    there = next(folder for folder in (root, *root.parents) if _is_there(folder))
    free = shutil.disk_usage(there).free
    found = f"{root}, {format_bytes(free)} free"
    if not _can_write(there):
        return SetupRow(
            "workspace", found, LOOK, "nothing can be written there: set WORKBENCH_HOME to another folder"
        )
    if free < ENOUGH_DISK:
        return SetupRow(
            "workspace", found, LOOK, f"less than {format_bytes(ENOUGH_DISK)}: delete what you do not need"
        )
    return SetupRow("workspace", found, meaning="variants are kept here")


def _is_there(folder: Path) -> bool:
    try:
        return folder.exists()
    except OSError:  # it lies in one that may not be entered, which comes next
        return False


def _can_write(folder: Path) -> bool:
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def check_int8(features: Iterable[str]) -> SetupRow:
    """What 8-bit products gain on a CPU.

    Example:
        >>> check_int8(["avx2", "avx512_vnni"]).meaning
        'int8 pays: expect it to be several times as fast as fp32, with signed weights'
        >>> check_int8(["avx2"]).found
        'none of VNNI, AMX or dot products'
    """
    known = set(features)
    units = [name for name in INT8_UNITS if name in known]
    if not units:
        return SetupRow(
            "CPU, int8",
            "none of VNNI, AMX or dot products",
            meaning="int8 makes files a quarter as large, and gains little speed",
        )
    sign = ", with signed weights" if known & VNNI else ""
    return SetupRow(
        "CPU, int8",
        ", ".join(units),
        meaning=f"int8 pays: expect it to be several times as fast as fp32{sign}",
    )


def check_bf16(features: Iterable[str]) -> SetupRow:
    """What half precision gains on a CPU.

    Example:
        >>> check_bf16(["avx2"]).meaning
        'bf16 halves the memory, and is as a rule slower than fp32 here'
    """
    units = [name for name in BF16_UNITS if name in set(features)]
    if not units:
        return SetupRow(
            "CPU, bf16",
            "no units for it",
            meaning="bf16 halves the memory, and is as a rule slower than fp32 here",
        )
    return SetupRow(
        "CPU, bf16", ", ".join(units), meaning="bf16 is a rival to int8 here: put it into every comparison"
    )


def _check_compiler() -> SetupRow:
    from workbench.runners.compiled import find_missing

    missing = find_missing("cpu")
    if missing:
        return SetupRow("C++ compiler", "none", meaning=f"torch.compile {missing}")
    return SetupRow("C++ compiler", "there is one", meaning="torch.compile can be tried")


def _check_openvino() -> SetupRow:
    if importlib.util.find_spec("openvino") is None:
        return SetupRow(
            "OpenVINO",
            "not installed",
            meaning="one more runtime, often the fastest on Intel's CPUs: pip install 'workbench[openvino]'",
        )
    version = importlib.metadata.version("openvino")
    return SetupRow("OpenVINO", version, meaning="one more runtime, often the fastest on Intel's CPUs")


def _check_gpu() -> SetupRow:
    import torch

    if not torch.cuda.is_available():
        return SetupRow("GPU", "none that PyTorch can use", meaning="everything here runs on the CPU")
    names = sorted({torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())})
    return SetupRow("GPU", ", ".join(names), meaning='load_model(…, device="cuda") takes it')
