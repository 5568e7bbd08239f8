"""`compare_layers`: where two variants drift apart, module by module, and which module starts it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.compare.jumps import Own, choose_bounds, find_jumps
from workbench.compare.layer_rows import LayerDrift, LayerRow
from workbench.compare.masks import check_masks, find_hop, token_mask
from workbench.compare.onnx_side import STATES, OnnxSide, Place
from workbench.compare.pairs import Pair, Side, Spot, find_pairs, split_pairs, weigh_pairs
from workbench.compare.similarity import Similarity
from workbench.compare.torch_side import TorchSide
from workbench.compare.wiring import Wiring
from workbench.machine import release_memory
from workbench.models.samples import Feed, check_feeds
from workbench.models.variant import Variant, resolve_variant
from workbench.quiet import quiet
from workbench.runners.onnxruntime import DECODER, WITH_PAST

if TYPE_CHECKING:
    from workbench.models.source import Source

log = logging.getLogger(__name__)

MEMORY = 512_000_000
QUANTIZED, PLAIN = "quantized", "plain"


def compare_layers(
    reference: Variant | Source | str | Path,
    candidate: Variant | Source | str | Path,
    *,
    samples: str | Path | Iterable[Mapping[str, np.ndarray]] | None = None,
    memory_limit: int | None = None,
) -> LayerDrift:
    """Says where two variants drift apart, by the names of PyTorch's modules, and which module starts it.

    Both run on the same samples. Then every module of the candidate is run once more on what the reference had
    computed in front of it: its *own* error is told apart from the error that it was handed. ONNX graphs are run as
    their files describe them, so what ONNX Runtime fuses on loading is not looked at here. Neither is the file of an
    encoder-decoder that takes past key values: it does the decoder's work once more, for one token.

    Args:
        reference: What is right: a source, a variant, or its folder.
        candidate: What is looked at.
        samples: Feeds, or the path of an `.npz` of them; None takes the reference's own.
        memory_limit: The bytes that tensors may take at a time, beside the two models; None takes 512 MB. What does
            not fit is done in several passes.

    Returns:
        A row for every tensor that both sides make; `first` names the module where the drift starts, or is None.

    Raises:
        ValueError: There is no sample, a sample is nothing but padding, there is no module in common, none of them
            gives a number, or the limit makes no sense.
        VariantError: A variant cannot be opened.

    Example:
        >>> source = load_model("random/tiny-bert")
        >>> drift = compare_layers(source, optimize_onnx(export_onnx(source)), samples=source.samples[:2])
        >>> print(drift.first, drift.row("bert.encoder.layer.1").drift < 1e-5)
        None True
    """
    if memory_limit is None:
        limit = MEMORY
    elif isinstance(memory_limit, int) and not isinstance(memory_limit, bool) and memory_limit > 0:
        limit = memory_limit
    else:
        raise ValueError(f"memory_limit must be a number of bytes from 1 up, or None, got {memory_limit!r}.")
    left, right = resolve_variant(reference), resolve_variant(candidate)
    feeds = check_feeds(samples) if samples is not None else left.samples() or right.samples()
    if not feeds:
        raise ValueError(f"{left.name} has no sample inputs. Give samples=[{{'input name': array, …}}].")
    check_masks(feeds)
    with quiet(), contextlib.ExitStack() as stack:
        sides = [_open_side(variant) for variant in (left, right)]
        for side in sides:
            stack.callback(side.close)
        drift = _Comparison(sides[0], sides[1], feeds, limit).run()
    release_memory()
    return drift


def _open_side(variant: Variant) -> Side:
    log.info("opening %s", variant.name)
    if variant.runtime == "torch":
        return TorchSide(variant)
    if variant.runtime == "onnxruntime":
        return OnnxSide(variant)
    raise ValueError(
        f"The layers of {variant.name} cannot be read: its runtime is {variant.runtime!r}. "
        "Compare the variant that it was made from: variant.parent."
    )


class _Comparison:
    """One comparison while it runs."""

    def __init__(self, reference: Side, candidate: Side, feeds: Sequence[Feed], limit: int) -> None:
        self.reference, self.candidate, self.feeds, self.limit = reference, candidate, feeds, limit
        self.prepared = {
            id(side): side.prepare_feeds(feeds)
            for side in (reference, candidate)
            if isinstance(side, OnnxSide)
        }
        release_memory()  # what opening a whole variant took
        by_size = sorted(range(len(feeds)), key=lambda index: sum(v.size for v in feeds[index].values()))
        self.smallest, self.largest = by_size[0], by_size[-1]
        first = {key: prepared[self.largest] for key, prepared in self.prepared.items()}
        self.pairs, self.missing = find_pairs(reference, candidate, feeds[self.largest], first)
        if not self.pairs:
            raise ValueError(
                f"{reference.variant.name} and {candidate.variant.name} have no module in common "
                "whose output both can show: there is nothing to compare."
            )
        self.drift = {pair.modules: Similarity() for pair in self.pairs}
        self.own = {pair.modules: Similarity() for pair in self.pairs}
        self.wiring = Wiring(self.pairs, reference, candidate)
        frames = [pair.shape for pair in self.pairs if len(pair.shape) == 3 and not pair.in_decoder]
        self.hop = find_hop(feeds[self.largest], frames[-1]) if frames else None

    def run(self) -> LayerDrift:
        if isinstance(self.candidate, TorchSide) and weigh_pairs(self.pairs) > self.limit:
            self.wiring.trace(self.candidate, self.feeds[self.smallest])
        chunks = list(split_pairs(self.pairs, self.wiring.reads, self.limit))
        for number, chunk in enumerate(chunks):
            for index, feed in enumerate(self.feeds):
                part = f"pass {number + 1} of {len(chunks)}, " if len(chunks) > 1 else ""
                log.info(
                    "comparing %d modules: %ssample %d of %d", len(chunk), part, index + 1, len(self.feeds)
                )
                self._take(chunk, index, feed)
            for side in (self.reference, self.candidate):
                if isinstance(side, OnnxSide):
                    side.close()
        known = [pair for pair in self.pairs if self.drift[pair.modules].compared]
        if not known:
            raise ValueError(
                f"There is nothing to compare: no module of {self.reference.variant.name} and "
                f"{self.candidate.variant.name} gives a finite number on either side."
            )
        figures = {
            pair: (self.drift[pair.modules].relative, self.own[pair.modules].relative) for pair in known
        }
        unknown = [name for pair in self.pairs if pair not in figures for name in pair.modules]
        paths = {path.name for side in (self.reference, self.candidate) for path in side.variant.onnx_files}
        return LayerDrift(
            reference=f"{self.reference.variant.name} of {self.reference.variant.origin.source}",
            candidate=f"{self.candidate.variant.name} of {self.candidate.variant.origin.source}",
            samples=len(self.feeds),
            passes=len(chunks),
            memory_limit=self.limit,
            rows=self._make_rows(known),
            missing=tuple(dict.fromkeys((*self.missing, *unknown))),
            not_read=(WITH_PAST,) if WITH_PAST in paths else (),
            overlays=self.wiring.paint(figures),
        )

    def _take(self, chunk: Sequence[Pair], index: int, feed: Feed) -> None:
        """Adds one sample to the figures of some pairs."""
        before = self.wiring.find_before(chunk)
        wanted = list(dict.fromkeys((*chunk, *before)))
        found = self._run_free(self.reference, index, [pair.reference for pair in wanted])
        given = {pair.candidate: found[pair.reference] for pair in wanted}
        free, forced = self._run_both(index, chunk, given)
        self._add(self.drift, chunk, given, free, index, feed)
        self._add(self.own, chunk, given, forced, index, feed)

    def _run_free(self, side: Side, index: int, spots: Sequence[Spot]) -> dict[Spot, np.ndarray]:
        if isinstance(side, TorchSide):
            modules = [spot for spot in spots if isinstance(spot, str)]
            return {spot: array for spot, array in side.run_free(self.feeds[index], modules).items()}
        places = [spot for spot in spots if isinstance(spot, Place)]
        found = side.run_free(self.prepared[id(side)][index], places)
        return {spot: array for spot, array in found.items()}

    def _run_both(
        self, index: int, chunk: Sequence[Pair], given: Mapping[Spot, np.ndarray]
    ) -> tuple[Mapping[Spot, np.ndarray], Mapping[Spot, np.ndarray]]:
        """What the candidate makes by itself, and what it makes of what the reference computed."""
        spots = [pair.candidate for pair in chunk]
        if isinstance(self.candidate, TorchSide):
            modules = {spot: array for spot, array in given.items() if isinstance(spot, str)}
            names = [spot for spot in spots if isinstance(spot, str)]
            made = self.candidate.run_forced(self.feeds[index], names, modules)
            return self._run_free(self.candidate, index, spots), {spot: made[spot] for spot in names}
        states = given.get(self.wiring.states) if self.wiring.states else None
        if isinstance(self.reference, OnnxSide):
            feeds = self.prepared[id(self.reference)][index]
            states = feeds.get(DECODER, {}).get(STATES, states)
        arrays = {spot: array for spot, array in given.items() if isinstance(spot, Place)}
        places = [spot for spot in spots if isinstance(spot, Place)]
        free, forced = self.candidate.run_both(
            self.prepared[id(self.candidate)][index], places, arrays, states
        )
        return {spot: free[spot] for spot in places}, {spot: forced[spot] for spot in places}

    def _add(
        self,
        figures: Mapping[tuple[str, ...], Similarity],
        chunk: Sequence[Pair],
        given: Mapping[Spot, np.ndarray],
        found: Mapping[Spot, np.ndarray],
        index: int,
        feed: Feed,
    ) -> None:
        for pair in chunk:
            expected, array = given[pair.candidate], found[pair.candidate]
            mask = token_mask(feed, expected.shape, decoder=pair.in_decoder, hop=self.hop)
            if mask is not None:
                expected, array = expected[mask], array[mask]
            figures[pair.modules].add(expected, array, sample=index)

    def _make_rows(self, pairs: Sequence[Pair]) -> tuple[LayerRow, ...]:
        precisions = (self.reference.variant.precision, self.candidate.variant.precision)
        judged = []
        for pair in pairs:
            own, quantized = self.own[pair.modules], self.wiring.is_quantized(pair)
            broken = own.not_finite["candidate"] > 0
            bounds = choose_bounds(*precisions, quantized=quantized)
            judged.append(Own(own.relative, broken, QUANTIZED if quantized else PLAIN, *bounds))
        jumps = find_jumps(judged)
        repeated = self.wiring.find_repeated(pairs, jumps)
        return tuple(
            LayerRow.make(
                self.wiring.name_pair(pair),
                pair,
                self.drift[pair.modules],
                self.own[pair.modules],
                group=item.group,
                jumps=jump and not again,
            )
            for pair, item, jump, again in zip(pairs, judged, jumps, repeated, strict=True)
        )
