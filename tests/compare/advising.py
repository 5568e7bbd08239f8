"""What the tests of advice share: facts of real variants, with times and CPUs that are given and not measured."""

from __future__ import annotations

import dataclasses

from workbench.compare.advice_facts import Facts, gather_facts
from workbench.compare.advice_kernels import Kernel
from workbench.models.variant import Variant

VNNI = ("avx2", "avx512f", "avx512_vnni", "amx_bf16", "amx_int8")
OLD = ("avx2",)
ARM = ("asimddp",)


def real_facts(variant: Variant, cpu: tuple[str, ...] = VNNI, **ms: float) -> Facts:
    """The facts of a real variant on a CPU of one's choice; kernels take 1 ms, or what `ms` says of their kind."""
    facts = gather_facts(variant, threads=1)
    kernels = tuple(
        dataclasses.replace(kernel, ms=ms.get(kernel.kind.replace(" ", "_"), 1.0)) for kernel in facts.kernels
    )
    return dataclasses.replace(facts, kernels=kernels, cpu=cpu, cores=2, machine_cores=2, threads=1)


def made_up(*kernels: tuple[str, float], **known: object) -> Facts:
    """Facts with kernels of these kinds and times."""
    rows = tuple(Kernel("model.onnx", f"k{i}", "Any", "", kind, ms) for i, (kind, ms) in enumerate(kernels))
    return Facts("made-up", **{"precision": "int8", "cpu": VNNI, "kernels": rows, "plain_ms": 5.0, **known})
