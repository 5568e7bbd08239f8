"""Checks of `explain` that look at the kernels and weights of a variant. Each takes the facts and changes nothing."""

from __future__ import annotations

from workbench.compare.advice_facts import Facts
from workbench.compare.advice_kernels import (
    FLOAT,
    INT8,
    OTHER,
    PACKED,
    QUANTIZE,
    UNPACK,
    count_kernels,
    name_modules,
    sum_ms,
)
from workbench.compare.advice_rows import Finding, Fine, Outcome, Skipped
from workbench.graph.tables import format_bytes

LITTLE = 0.05  # a share of the time below which nothing is worth a word
INT8_GAIN = 3.5  # how much faster products with signed int8 weights were than others, where this was measured
HALF = 0.5
OVERHEAD = 0.3
CALL_US = 3.0  # microseconds: calling a kernel takes one or two, so one that takes no more hardly computes
FEW_TOKENS = 64


def find_int8_share(facts: Facts) -> Outcome:
    """How many matrix products really run in int8, and what share of the time they take."""
    if facts.no_kernels:
        return Skipped(facts.no_kernels)
    small, large = facts.of(INT8), facts.of(FLOAT)
    if facts.precision != "int8" and not small:
        return Skipped(f"its weights are {facts.precision}")
    if facts.of(PACKED) and not small:
        return Skipped("its weights alone are quantized; another check looks at that")
    total = count_kernels(facts.products)
    figures = (
        f"{count_kernels(small)} of {total} matrix products with weights run in int8 and take "
        f"{facts.share(small):.0%} of the time of all kernels"
    )
    floats = facts.share(large)
    if not large or (small and floats < LITTLE):
        return Fine(figures + (f"; the others take {floats:.0%}" if large else ""))
    unfused = [kernel for kernel in large if kernel.dequantized]
    advice = (
        "Its quantized weights are turned back into floats first; see the finding on QDQ pairs."
        if len(unfused) == len(large)
        else "If quality allows, quantize these too: leave out `exclude=`. If none was given, the quantizer did not "
        "take them: summarize_graph and diff_graphs show which operators they are."
    )
    return Finding(
        "int8-share",
        "Not all matrix products run in int8" if small else "No matrix product runs in int8",
        f"{figures}; {count_kernels(large)} run in floats and take {floats:.0%}: {name_modules(large)}.",
        advice,
        weight=floats * (1 - 1 / INT8_GAIN) * (HALF if len(unfused) == len(large) else 1),
    )


def find_unsigned_weights(facts: Facts) -> Outcome:
    """Unsigned weights on a CPU whose fast path is signed."""
    if facts.no_kernels:
        return Skipped(facts.no_kernels)
    products = facts.of(INT8)
    if not products:
        return Skipped("no product runs in int8")
    if not facts.cpu:
        return Skipped("what this CPU can do is not known")
    if "avx2" not in facts.cpu:
        return Skipped("only x86 CPUs multiply signed weights faster than unsigned ones")
    unsigned = [kernel for kernel in products if kernel.weight == "uint8"]
    if not unsigned:
        return Fine(f"the weights of {count_kernels(products)} int8 products are signed")
    share = facts.share(unsigned)
    return Finding(
        "unsigned-weights",
        "Its weights are unsigned, and this CPU's fast instructions take signed ones",
        f"{count_kernels(unsigned)} of {count_kernels(products)} int8 products have uint8 weights; they take "
        f"{share:.0%} of the time.",
        "Quantize with weight_type='int8', which is what None takes. On a CPU with VNNI and AMX that made RoBERTa "
        f"{INT8_GAIN}× as fast; small models gain less.",
        weight=share * (1 - 1 / INT8_GAIN),
    )


def find_unfused_qdq(facts: Facts) -> Outcome:
    """QDQ pairs that ONNX Runtime did not fuse: the product behind them runs in floats."""
    if facts.no_kernels:
        return Skipped(facts.no_kernels)
    if "quantize_static" not in facts.verbs and not any(k.dequantized for k in facts.products):
        return Skipped("it has no QDQ pairs around products")
    left = [kernel for kernel in facts.of(FLOAT) if kernel.dequantized]
    pairs = [kernel for kernel in facts.products if kernel.dequantized]
    if not left:
        return Fine(f"ONNX Runtime fused all {count_kernels(pairs)} products that stand between QDQ pairs")
    unpacking = facts.of(UNPACK)
    share = facts.share((*left, *unpacking))
    operators = ", ".join(sorted({kernel.operator for kernel in left}))
    return Finding(
        "unfused-qdq",
        "Products between QDQ pairs were not fused and run in floats",
        f"{count_kernels(left)} of {count_kernels(pairs)} ({operators}: {name_modules(left)}) run in floats, and "
        f"{count_kernels(unpacking)} kernels turn their weights back into floats on every run: {share:.0%} of the "
        "time together.",
        "Quantize the exported variant instead of the optimized one, since a fused Attention has no QDQ kernel; or "
        "take quantize_dynamic, which has one.",
        weight=share * (1 - 1 / INT8_GAIN),
    )


def find_quantize_overhead(facts: Facts) -> Outcome:
    """Quantizing and dequantizing that takes a good part of what int8 saves; it shows at small sizes."""
    if facts.no_kernels:
        return Skipped(facts.no_kernels)
    products, around = facts.of(INT8), facts.of(QUANTIZE)
    if not products:
        return Skipped("no product runs in int8")
    both = sum_ms(products) + sum_ms(around)
    ratio = sum_ms(around) / both if both else 0.0
    share = facts.share(around)
    figures = (
        f"{count_kernels(around)} kernels that quantize, dequantize and rescale take {share:.0%} of the time, the "
        f"{count_kernels(products)} int8 products (some quantize their inputs themselves) {facts.share(products):.0%}"
    )
    if ratio < OVERHEAD or share < LITTLE:
        return Fine(figures)
    tokens = max((width for _, width in facts.rows), default=0)
    short = f" The inputs have at most {tokens} tokens." if 0 < tokens <= FEW_TOKENS else ""
    static = "quantize_static" in facts.verbs
    return Finding(
        "quantize-overhead",
        "Quantizing takes much of the time that int8 saves",
        f"{figures}.{short}",
        "Take quantize_dynamic, which fuses quantizing into the product. "
        if static
        else "Run several inputs at a time, so that the products grow. Where only short inputs come, bf16 or fp32 may "
        "be as fast: measure them beside it.",
        weight=share * 0.7,
    )


def find_packed_weights(facts: Facts) -> Outcome:
    """Weights in 4 or 8 bits that are unpacked into floats as the product runs: for size, not for speed."""
    if facts.no_kernels:
        return Skipped(facts.no_kernels)
    packed = facts.of(PACKED)
    if not packed:
        return Skipped("no product has packed weights")
    share = facts.share(packed)
    return Finding(
        "packed-weights",
        "Weight-only quantization makes it small, not fast",
        f"{count_kernels(packed)} products unpack their weights and multiply floats: {share:.0%} of the time.",
        "Keep it where the size of the file decides. For speed take quantize_dynamic, whose products are int8.",
        weight=share * HALF,
    )


def find_half_precision(facts: Facts) -> Outcome:
    """fp16 on a CPU: ONNX Runtime casts to fp32 and back around most kernels."""
    if facts.no_kernels:
        return Skipped(facts.no_kernels)
    if facts.precision != "fp16":
        return Skipped(f"its weights are {facts.precision}")
    if facts.device != "cpu":
        return Skipped(f"it was profiled on the CPU, and the model is on {facts.device}")
    casts = [kernel for kernel in facts.kernels if kernel.operator == "Cast"]
    return Finding(
        "fp16-on-cpu",
        "fp16 is for GPUs",
        f"On this CPU {count_kernels(casts)} casts between fp16 and fp32 take {facts.share(casts):.0%} of the time.",
        "On a CPU take the fp32 variant, bf16 or int8.",
        weight=max(HALF / 2, facts.share(casts)),
    )


def find_missing_fusions(facts: Facts) -> Outcome:
    """Fusions that are usual for this architecture and that are absent."""
    if facts.no_kernels:
        return Skipped(facts.no_kernels)
    if facts.not_fused:
        return Finding(
            "not-fused",
            "Fusions that are usual for this architecture did not happen",
            f"{' '.join(facts.not_fused)} {facts.rest_share:.0%} of the time is outside products.",
            "There is nothing to set. Other runtimes (torch.compile, OpenVINO) fuse in ways of their own: measure them "
            "beside it.",
            weight=facts.rest_share * 0.3,
        )
    if facts.not_fused is not None:
        return Fine("optimize_onnx fused all that is usual for this architecture")
    share = facts.rest_share
    if facts.fused:
        return Skipped("the optimized variant that it was made from is gone, and its report with it")
    if share < HALF:
        return Fine(f"it was not optimized, but only {share:.0%} of the time is outside products")
    return Finding(
        "not-optimized",
        "Much of the time is outside products, and the graph was never optimized",
        f"{count_kernels(facts.of(OTHER))} kernels that are no products take {share:.0%} of the time.",
        "Call optimize_onnx first: it fuses attention, normalization and activations.",
        weight=share * 0.3,
    )


def find_tiny_kernels(facts: Facts) -> Outcome:
    """Kernels so small that calling them takes the time, not what they compute."""
    if facts.no_kernels:
        return Skipped(facts.no_kernels)
    count = len(facts.kernels)
    if not count or not facts.plain_ms:
        return Skipped("no run was timed")
    each = facts.plain_ms / count * 1000
    figures = f"a run of {facts.plain_ms:.3g} ms calls {count} kernels, {_format_us(each)} each"
    if each >= CALL_US:
        return Fine(figures)
    return Finding(
        "tiny-kernels",
        "A run mostly calls kernels; each computes next to nothing",
        f"{figures[0].upper()}{figures[1:]}; calling one takes 1 to 2 µs by itself.",
        "Run several inputs at a time. Fewer kernels help (optimize_onnx), smaller numbers do not.",
        weight=min(1.0, 1.0 / each) * HALF,
    )


def _format_us(time: float) -> str:
    return f"{time:,.0f} µs" if time >= 10 else f"{time:.2g} µs"


def find_float_embeddings(facts: Facts) -> Outcome:
    """Embedding tables left in fp32 in a variant that is quantized otherwise."""
    if facts.no_kernels:
        return Skipped(facts.no_kernels)
    if facts.precision not in ("int8", "int4"):
        return Skipped(f"its weights are {facts.precision}")
    if not facts.embeddings:
        return Skipped("it has no embedding tables")
    large = [table for table in facts.embeddings if table.type.startswith(("float", "bfloat"))]
    size = sum(table.bytes for table in large)
    share = size / facts.size_bytes if facts.size_bytes else 0.0
    if share < 2 * LITTLE:
        return Fine(f"{format_bytes(size)} of {format_bytes(facts.size_bytes)} are float embedding tables")
    return Finding(
        "float-embeddings",
        "The embedding tables are still in floats",
        f"{len(large)} tables take {format_bytes(size)} of {format_bytes(facts.size_bytes)} ({share:.0%}); in int8 "
        f"they take {format_bytes(size / 4)}. This is about size: looking rows up costs no time either way.",
        "quantize_dynamic with embeddings=True, which is its default, makes them int8 too."
        + ("" if "quantize_dynamic" in facts.verbs else " The other quantize verbs leave them."),
        weight=share * 0.3,
    )
