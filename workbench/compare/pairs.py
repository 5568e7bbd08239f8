"""Finds what can be compared: the modules whose output both sides can show, and where each side shows it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from workbench.compare.module_map import ModuleMap, name_modules
from workbench.compare.onnx_side import OnnxSide, Place
from workbench.compare.torch_side import Calls, TorchSide
from workbench.models.samples import Feed
from workbench.runners.onnxruntime import DECODER, ENCODER

Side = TorchSide | OnnxSide
Spot = str | Place  # a module's path, or a tensor's place
COPIES = 4  # of a tensor at a time: the reference's, two of the candidate's, what it takes to compare them
STAND_INS = 2  # of one that is only given to the candidate: the reference's, and in the candidate's own type


@dataclasses.dataclass(frozen=True)
class Pair:
    """One tensor that both sides make.

    Attributes:
        modules: The modules that give it, the innermost first.
        reference: Where the reference shows it.
        candidate: Where the candidate shows it.
        shape: Its shape on the sample that was looked at.
    """

    modules: tuple[str, ...]
    reference: Spot
    candidate: Spot
    shape: tuple[int, ...]

    @property
    def place(self) -> Place | None:
        """The tensor on the candidate's side, or else on the reference's."""
        sides = (self.candidate, self.reference)
        return next((spot for spot in sides if isinstance(spot, Place)), None)

    @property
    def in_decoder(self) -> bool:
        """Whether it belongs to a decoder, whose positions are not those of the encoder's input."""
        if self.place is not None and self.place.file in (ENCODER, DECODER):
            return self.place.file == DECODER
        return any("decoder" in module.split(".") for module in self.modules)


def find_pairs(
    reference: Side, candidate: Side, feed: Feed, prepared: Mapping[int, Mapping[str, Feed]]
) -> tuple[list[Pair], list[str]]:
    """The pairs in the order in which they are computed, and the modules that cannot be compared.

    Args:
        reference: One side.
        candidate: The other.
        feed: The sample on which shapes are looked at.
        prepared: For each side that is ONNX, by its id: what each of its files is given for that sample.
    """
    if isinstance(reference, TorchSide) and isinstance(candidate, TorchSide):
        return _pair_modules(reference.describe(feed), candidate.describe(feed))
    if isinstance(reference, OnnxSide) and isinstance(candidate, OnnxSide):
        return _pair_tensors(reference, candidate, prepared)
    if isinstance(candidate, OnnxSide):
        assert isinstance(reference, TorchSide)
        found, missing = _pair_both(reference, candidate, feed, prepared)
        return [Pair(modules, own, place, shape) for modules, own, place, shape in found], missing
    assert isinstance(reference, OnnxSide)
    found, missing = _pair_both(candidate, reference, feed, prepared)
    return [Pair(modules, place, own, shape) for modules, own, place, shape in found], missing


def _pair_modules(left: Calls, right: Calls) -> tuple[list[Pair], list[str]]:
    known = {name for group in right.groups for name in group}
    pairs, missing = [], [*left.repeated]
    for group in left.groups:
        shared = tuple(name for name in group if name in known and left.shapes[name] == right.shapes[name])
        missing += [name for name in group if name not in shared]
        if shared:
            pairs.append(Pair(shared, shared[0], shared[0], left.shapes[shared[0]]))
    return pairs, missing


def _pair_both(
    torch_side: TorchSide, onnx_side: OnnxSide, feed: Feed, prepared: Mapping[int, Mapping[str, Feed]]
) -> tuple[list[tuple[tuple[str, ...], str, Place, tuple[int, ...]]], list[str]]:
    calls = torch_side.describe(feed)
    aliases = torch_side.module_names
    maps = name_modules(onnx_side.variant)
    shapes = _describe(onnx_side, maps, prepared[id(onnx_side)])
    once = {name for group in calls.groups for name in group} - calls.several
    found: dict[Place, list[str]] = {}
    for file, module_map in maps.items():
        for module in module_map.outputs:
            name = aliases.get(module, module)
            if name not in once:
                continue
            place = _find_output(file, module_map, module, shapes, calls.shapes[name])
            if place is not None and not _lacks_bias(torch_side, name, place):
                found.setdefault(place, []).append(name)
    order = {name: index for index, name in enumerate(name for group in calls.groups for name in group)}
    rows = []
    for place, names in found.items():
        modules = tuple(sorted(set(names), key=lambda name: (-name.count("."), order[name])))
        rows.append((modules, modules[0], place, shapes[place]))
    rows.sort(key=lambda row: _order(row[2], maps))
    compared = {name for row in rows for name in row[0]}
    silent = {name for group in calls.groups for name in group if compared.isdisjoint(group)}
    missing = [name for name in (*order, *calls.repeated) if name in silent or name in calls.repeated]
    return rows, missing


def _find_output(
    file: str,
    module_map: ModuleMap,
    module: str,
    shapes: Mapping[Place, tuple[int, ...]],
    wanted: tuple[int, ...],
) -> Place | None:
    for tensor in module_map.outputs[module]:
        place = Place(file, tensor)
        if shapes.get(place) == wanted:
            return place
        if place not in shapes and module_map.rank(tensor) in (None, len(wanted)):
            return None  # this may well have been the output, and it was fused away
    return None


def _lacks_bias(side: TorchSide, name: str, place: Place) -> bool:
    """Whether a tensor is a product whose bias is added further on, as in a graph whose export is gone."""
    bias = getattr(side.model.get_submodule(name), "bias", None)
    return bias is not None and place.tensor.rpartition("/")[2].startswith("MatMul_output")


def _pair_tensors(
    reference: OnnxSide, candidate: OnnxSide, prepared: Mapping[int, Mapping[str, Feed]]
) -> tuple[list[Pair], list[str]]:
    maps = name_modules(reference.variant)
    others = name_modules(candidate.variant)
    if sum(len(item.tensors) for item in others.values()) > sum(len(item.tensors) for item in maps.values()):
        maps = others
    left = _describe(reference, maps, prepared[id(reference)])
    right = _describe(candidate, maps, prepared[id(candidate)])
    shared = {place: shape for place, shape in left.items() if right.get(place) == shape and len(shape) > 1}
    found: dict[Place, list[str]] = {}
    missing = []
    for file, module_map in maps.items():
        for module in dict.fromkeys((*module_map.tensors, *module_map.outputs)):
            # Where its output was fused away, what it made just before will do: both sides name the same thing.
            names = (*module_map.outputs.get(module, ())[:1], *module_map.tensors.get(module, ()))
            place = next((Place(file, name) for name in names if Place(file, name) in shared), None)
            if place is not None:
                found.setdefault(place, []).append(module)
            else:
                missing.append(module)
    pairs = [
        Pair(tuple(sorted(names, key=lambda name: -name.count("."))), place, place, shared[place])
        for place, names in found.items()
    ]
    return sorted(pairs, key=lambda pair: _order(pair.place, maps)), missing


def _describe(
    side: OnnxSide, maps: Mapping[str, ModuleMap], feeds: Mapping[str, Feed]
) -> dict[Place, tuple[int, ...]]:
    wanted = []
    for file, module_map in maps.items():
        if file in side.files:
            made = {name for node in side.files[file].model.graph.node for name in node.output}
            names = {
                name
                for group in (module_map.outputs, module_map.tensors)
                for item in group.values()
                for name in item
            }
            wanted += [Place(file, name) for name in names if name in made]
    return side.describe(wanted, feeds)


def _order(place: Place | None, maps: Mapping[str, ModuleMap]) -> tuple[bool, int]:
    assert place is not None
    return place.file != ENCODER, maps[place.file].position(place.tensor)


def split_pairs(
    pairs: Sequence[Pair], reads: Callable[[Pair], Collection[Pair]], limit: int
) -> Iterator[list[Pair]]:
    """Cuts the pairs into runs that take at most `limit` bytes at a time; a single one may take more.

    Args:
        pairs: In the order of the computation.
        reads: The pairs that are given to the candidate when one is computed.
        limit: Bytes.
    """
    chunk: list[Pair] = []
    before: set[Pair] = set()
    for pair in pairs:
        grown = [*chunk, pair]
        needed = (before | set(reads(pair))).difference(grown)
        if chunk and weigh_pairs(grown, needed) > limit:
            yield chunk
            grown, needed = [pair], set(reads(pair)) - {pair}
        chunk, before = grown, needed
    if chunk:
        yield chunk


def weigh_pairs(chunk: Iterable[Pair], before: Iterable[Pair] = ()) -> int:
    """The bytes that it takes to compare some pairs of which the candidate's read others before them."""
    counted = ((COPIES, chunk), (STAND_INS, before))
    return sum(copies * 4 * math.prod(pair.shape) for copies, pairs in counted for pair in pairs)
