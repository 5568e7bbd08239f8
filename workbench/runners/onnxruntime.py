"""Runs an ONNX variant with ONNX Runtime. Imports neither torch nor transformers.

A variant is one file, or an encoder, a decoder and a decoder with past. The feed is the same as PyTorch's:
what such files want besides (empty past key values, positions, the encoder's states) is filled in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from workbench.errors import VariantError
from workbench.models.samples import Feed
from workbench.models.variant import Variant
from workbench.runners.protocol import pick_inputs, require_open

SINGLE, ENCODER, DECODER, WITH_PAST = (
    "model.onnx",
    "encoder_model.onnx",
    "decoder_model.onnx",
    "decoder_with_past_model.onnx",
)
NUMPY_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


class OnnxRunner:
    """An opened ONNX variant: one session per file, opened when it is first needed."""

    def __init__(self, variant: Variant, *, threads: int, device: str) -> None:
        assert variant.path is not None
        self.variant = variant
        self.threads = threads
        self.device = device
        self._providers = _pick_providers(device)
        self._sessions: dict[str, ort.InferenceSession] = {}
        self._open = True
        self._names = {path.name for path in variant.onnx_files}
        main = SINGLE if SINGLE in self._names else ENCODER
        if main not in self._names:
            raise VariantError(f"{variant.path} has neither {SINGLE} nor {ENCODER}. Make the variant again.")
        self.session(main)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs that `run` needs; what the runner fills in itself is left out."""
        if SINGLE in self._names:
            names = [item.name for item in self.session(SINGLE).get_inputs()]
            decodes = any(name.startswith("past_key_values.") for name in names)
            filled = "position_ids" if decodes else None
            return tuple(name for name in names if not name.startswith("past_key_values.") and name != filled)
        return (*(item.name for item in self.session(ENCODER).get_inputs()), "decoder_input_ids")

    @property
    def output_names(self) -> tuple[str, ...]:
        """The outputs that `run` gives; past key values are left out."""
        session = self.session(SINGLE if SINGLE in self._names else DECODER)
        return tuple(item.name for item in session.get_outputs() if not item.name.startswith("present."))

    def run(self, feed: Mapping[str, np.ndarray]) -> Feed:
        """Runs once; floats come back in fp32. See `Runner.run`."""
        feed = pick_inputs(feed, self.input_names, self.variant.name)
        if SINGLE in self._names:
            outputs = self._call(SINGLE, _fill_past(self.session(SINGLE), feed), self.output_names)
        else:
            states = next(iter(self._call(ENCODER, feed).values()))
            outputs = self._call(DECODER, _decoder_feed(feed, states), self.output_names)
        return {name: _as_float32(value) for name, value in outputs.items()}

    def calls(self, feed: Mapping[str, np.ndarray]) -> Iterator[tuple[str, Feed, Feed]]:
        """Walks through every file of the variant as one generation step would: (file, its feed, its outputs).

        With past key values the last token is given alone, after the ones before it.
        """
        feed = pick_inputs(feed, self.input_names, self.variant.name)
        if SINGLE in self._names:
            whole = _fill_past(self.session(SINGLE), feed)
            first = self._call(SINGLE, whole)
            yield SINGLE, whole, first
            if any(name.startswith("past_key_values.") for name in whole) and feed["input_ids"].shape[1] > 1:
                yield self._step(SINGLE, feed)
            return
        outputs = self._call(ENCODER, feed)
        yield ENCODER, self._take(ENCODER, feed), outputs
        decoder = _decoder_feed(feed, next(iter(outputs.values())))
        yield DECODER, self._take(DECODER, decoder), self._call(DECODER, decoder)
        if WITH_PAST in self._names:
            before = self._call(DECODER, {**decoder, "input_ids": decoder["input_ids"][:, :-1]})
            last = {**decoder, **_as_past(before), "input_ids": decoder["input_ids"][:, -1:]}
            yield WITH_PAST, self._take(WITH_PAST, last), self._call(WITH_PAST, last)

    def _step(self, name: str, feed: Feed) -> tuple[str, Feed, Feed]:
        """The last token alone, with the past of the tokens before it."""
        before = {key: value[:, :-1] for key, value in feed.items()}
        past = _as_past(self._call(name, _fill_past(self.session(name), before)))
        last = _fill_past(self.session(name), {**feed, "input_ids": feed["input_ids"][:, -1:]})
        if "position_ids" in last:
            last["position_ids"] = last["position_ids"][:, -1:]
        last.update(past)
        return name, last, self._call(name, last)

    def session(self, name: str) -> ort.InferenceSession:
        """The session of one of the variant's files."""
        require_open(self._open, self.variant.name)
        if name not in self._sessions:
            assert self.variant.path is not None
            self._sessions[name] = open_session(
                self.variant.path / name, threads=self.threads, providers=self._providers
            )
        return self._sessions[name]

    def close(self) -> None:
        """Frees the sessions."""
        self._open = False
        self._sessions.clear()

    def __enter__(self) -> OnnxRunner:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _take(self, name: str, feed: Mapping[str, np.ndarray]) -> Feed:
        session = self.session(name)
        taken = pick_inputs(feed, (item.name for item in session.get_inputs()), f"{self.variant.name}/{name}")
        types = {item.name: NUMPY_TYPES.get(item.type) for item in session.get_inputs()}
        return {key: value.astype(types[key] or value.dtype, copy=False) for key, value in taken.items()}

    def _call(
        self, name: str, feed: Mapping[str, np.ndarray], outputs: tuple[str, ...] | None = None
    ) -> Feed:
        session = self.session(name)
        arrays = self._take(name, feed)
        names = outputs or tuple(item.name for item in session.get_outputs())
        if self.device == "cpu":
            return dict(zip(names, session.run(names, arrays), strict=True))
        return _run_bound(session, arrays, names, self.device)


def open_session(
    path: Path, *, threads: int, providers: list[Any] | None = None, options: ort.SessionOptions | None = None
) -> ort.InferenceSession:
    """Opens one ONNX file.

    Raises:
        VariantError: It is missing, damaged, or ONNX Runtime cannot run it.
    """
    options = options or ort.SessionOptions()
    options.intra_op_num_threads = threads  # ONNX Runtime would take every core of the machine, usable or not
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong comes as an exception, and is not printed besides
    try:
        return ort.InferenceSession(str(path), options, providers=providers or ["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise explain_refusal(path, error) from error


def explain_refusal(path: Path, error: Exception) -> VariantError:
    """What it means that ONNX Runtime does not open a file, or a folder of them."""
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
    if "External data path" in str(error):
        return VariantError(
            f"{path} keeps weights outside its folder ({reason}). "
            "Refused: a model file may only read what lies beside it."
        )
    return VariantError(f"ONNX Runtime cannot open {path}: {reason} Make the variant again.")


def choose_device(loaded_on: str) -> str:
    """The device of the PyTorch model where this machine and this ONNX Runtime have it, else the CPU."""
    cuda = loaded_on.startswith("cuda") and "CUDAExecutionProvider" in ort.get_available_providers()
    return loaded_on if cuda else "cpu"


def _pick_providers(device: str) -> list[Any]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if not re.fullmatch(r"cuda(:\d+)?", device):
        raise ValueError(f"ONNX variants run on 'cpu', 'cuda' or 'cuda:<number>', got device={device!r}.")
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        raise ValueError(
            f"device={device!r} needs ONNX Runtime with CUDA, and this one has "
            f"{', '.join(ort.get_available_providers())}. "
            "Install it: pip uninstall -y onnxruntime && pip install onnxruntime-gpu"
        )
    return [("CUDAExecutionProvider", {"device_id": int(device[5:] or 0)}), "CPUExecutionProvider"]


def _run_bound(session: ort.InferenceSession, feed: Feed, names: tuple[str, ...], device: str) -> Feed:
    """One run with inputs and outputs bound to the GPU, so that nothing is copied there and back in between."""
    index = int(device.partition(":")[2] or 0)
    binding = session.io_binding()
    for name, value in feed.items():
        binding.bind_ortvalue_input(
            name, ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value), "cuda", index)
        )
    for name in names:
        binding.bind_output(name, "cuda", index)
    session.run_with_iobinding(binding)
    return dict(zip(names, binding.copy_outputs_to_cpu(), strict=True))


def _fill_past(session: ort.InferenceSession, feed: Mapping[str, np.ndarray]) -> Feed:
    """Adds empty past key values and positions where a decoder's file wants them."""
    filled = dict(feed)
    for item in session.get_inputs():
        if item.name in filled:
            continue
        if item.name.startswith("past_key_values."):
            batch = feed["input_ids"].shape[0]
            shape = [
                batch if axis == 0 else 0 if isinstance(size, str) else size
                for axis, size in enumerate(item.shape)
            ]
            filled[item.name] = np.zeros(shape, NUMPY_TYPES[item.type])
        elif item.name == "position_ids":
            filled[item.name] = np.maximum(np.cumsum(feed["attention_mask"], axis=1) - 1, 0)
    return filled


def _decoder_feed(feed: Mapping[str, np.ndarray], states: np.ndarray) -> Feed:
    decoder = {"input_ids": feed["decoder_input_ids"], "encoder_hidden_states": states}
    if "attention_mask" in feed:
        decoder["encoder_attention_mask"] = feed["attention_mask"]
    return decoder


def _as_past(outputs: Mapping[str, np.ndarray]) -> Feed:
    return {
        name.replace("present.", "past_key_values.", 1): value
        for name, value in outputs.items()
        if "present." in name
    }


def _as_float32(value: np.ndarray) -> np.ndarray:
    return value.astype(np.float32, copy=False) if value.dtype == np.float16 else value
