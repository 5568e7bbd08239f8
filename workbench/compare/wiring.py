"""What stands between the tensors that are compared: which of them a module reads, its nodes, its name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from workbench.compare.module_map import ModuleMap, is_inside, name_modules
from workbench.compare.onnx_side import OnnxSide, Place
from workbench.compare.pairs import Pair, Side
from workbench.compare.torch_reads import find_reads
from workbench.compare.torch_side import TorchSide
from workbench.graph.operators import is_quantized
from workbench.models.samples import Feed
from workbench.runners.onnxruntime import DECODER, ENCODER
from workbench.runners.torch_int8 import int8_names


class Wiring:
    """How the pairs hang together in the candidate's graphs. PyTorch has none: there it knows the int8 layers alone.

    Attributes:
        states: The encoder's output, where the candidate has one in a file of its own.
    """

    def __init__(self, pairs: Sequence[Pair], reference: Side, candidate: Side) -> None:
        self.pairs = pairs
        self._maps: dict[str, ModuleMap] = {}
        self.states: Place | None = None
        if isinstance(candidate, OnnxSide):
            self._maps = {name: ModuleMap(file.model) for name, file in candidate.files.items()}
            if ENCODER in candidate.files:
                self.states = Place(ENCODER, candidate.files[ENCODER].model.graph.output[0].name)
        side = next((side for side in (candidate, reference) if isinstance(side, OnnxSide)), None)
        self._named = name_modules(side.variant) if side is not None else {}
        self._reads: dict[Pair, tuple[Pair, ...]] = {}
        self._by_place = {pair.place: pair for pair in pairs}
        self._cuts: dict[str, set[str]] = {}
        for place in filter(None, (pair.place for pair in pairs)):
            self._cuts.setdefault(place.file, set()).add(place.tensor)
        self._int8 = candidate.int8_names if isinstance(candidate, TorchSide) else frozenset()
        self._compared = {name for pair in pairs for name in pair.modules}

    def trace(self, candidate: TorchSide, feed: Feed) -> None:
        """Finds out which modules of a PyTorch candidate read which; needed where it is done in several passes.

        Raises:
            ValueError: It is quantized from the start, and does not tell.
        """
        if int8_names(candidate.plain):
            raise ValueError(
                f"{candidate.variant.name} was int8 when it was loaded, and cannot be compared in several passes: "
                "raise memory_limit, or give shorter samples."
            )
        pairs = {pair.candidate: pair for pair in self.pairs}
        names = [name for name in pairs if isinstance(name, str)]
        reads = find_reads(candidate.plain, feed, names)
        # With the one just before, for what the trace does not see.
        order = dict(zip(self.pairs[1:], self.pairs, strict=False))
        for pair in self.pairs:
            found = [pairs[name] for name in reads.get(str(pair.candidate), ())]
            self._reads[pair] = tuple(dict.fromkeys([*found, *([order[pair]] if pair in order else [])]))

    def reads(self, pair: Pair) -> tuple[Pair, ...]:
        """The pairs that the candidate's module reads from; none for a PyTorch candidate that was not traced."""
        if pair not in self._reads:
            self._reads[pair] = tuple(self._find_reads(pair.place)) if self._maps and pair.place else ()
        return self._reads[pair]

    def _find_reads(self, place: Place) -> Iterator[Pair]:
        _, cuts = self._maps[place.file].between(place.tensor, self._cuts[place.file])
        wanted = [Place(place.file, name) for name in cuts]
        if place.file == DECODER and self.states is not None:
            wanted.append(self.states)
        return (self._by_place[place] for place in wanted if place in self._by_place)

    def find_before(self, chunk: Sequence[Pair]) -> list[Pair]:
        """The pairs that the candidate's modules of this chunk read from."""
        return list(dict.fromkeys(before for pair in chunk for before in self.reads(pair)))

    def name_pair(self, pair: Pair) -> tuple[str, str]:
        """What a pair is called by, and where an error of its own comes from.

        Where a graph is fused, the work of several modules lies between two tensors that can be compared. A pair is
        called by the smallest module that ends there and did all of that work, if there is one; an error comes from
        the smallest module that holds all of it.
        """
        inner = pair.modules[0]
        if pair.place is None or pair.place.file not in self._named:
            return inner, inner
        cuts = self._cuts[pair.place.file]
        if isinstance(pair.candidate, Place):  # a fused node may lead past some of them
            cuts = self._maps[pair.place.file].between(pair.place.tensor, cuts)[1] or cuts
        working = self._named[pair.place.file].modules_between(pair.place.tensor, cuts) - {""}
        holding = (module for module in pair.modules if all(is_inside(name, module) for name in working))
        name = next(holding, None) if working else inner
        return name or inner, name or _common_module(working) or inner

    def find_repeated(self, pairs: Sequence[Pair], jumps: Sequence[bool]) -> list[bool]:
        """Which of the jumps of some pairs may be an earlier one seen again.

        That is where its work is done once more on the way to another tensor.
        It happens where a fused node gives several tensors, and not all of them can be compared.
        """
        seen: dict[str, set[int]] = {}
        repeated = []
        for pair, jump in zip(pairs, jumps, strict=True):
            place = pair.candidate
            if not jump or not isinstance(place, Place):
                repeated.append(False)
                continue
            work = self._maps[place.file].work_between(place.tensor, self._cuts[place.file])
            repeated.append(not work.isdisjoint(seen.setdefault(place.file, set())))
            seen[place.file] |= work
        return repeated

    def is_quantized(self, pair: Pair) -> bool:
        """Whether the candidate computes with quantized numbers in front of this tensor."""
        place = pair.candidate
        if not isinstance(place, Place):
            unseen = self._int8 - self._compared  # their error shows in what holds them
            return place in self._int8 or any(is_inside(name, place) for name in unseen)
        nodes = self._maps[place.file].nodes_between(place.tensor, self._cuts[place.file])
        return any(is_quantized(node) for node in nodes)

    def paint(self, figures: Mapping[Pair, tuple[float, float]]) -> dict[str, dict[str, tuple[float, float]]]:
        """File -> node -> the figures of the first tensor that the node helps to make."""
        painted: dict[str, dict[str, tuple[float, float]]] = {file: {} for file in self._maps}
        for pair, figure in figures.items():
            place = pair.candidate
            if isinstance(place, Place):
                for node in self._maps[place.file].nodes_between(place.tensor, self._cuts[place.file]):
                    painted[place.file].setdefault(node.name, figure)
        return painted


def _common_module(modules: Collection[str]) -> str:
    """The smallest module that holds all of these; empty where only the whole model does."""
    common = []
    for steps in zip(*(module.split(".") for module in modules), strict=False):
        if len(set(steps)) > 1:
            break
        common.append(steps[0])
    return ".".join(common)
