"""`Hands`: carries out calls in the process behind a desk, and keeps the last model that was loaded."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import workbench
from workbench.background.call import TAKES_MANY, TAKES_SOURCE, Call, Loaded
from workbench.background.order import HeldModel, Order
from workbench.background.pipe import Channel
from workbench.errors import VariantError, WorkbenchError, first_line
from workbench.models.origin import Origin
from workbench.models.stored import check_contents
from workbench.models.variant import Variant, torch_variant

NOT_KEPT = (
    "{!r} was changed in memory in a way that saving it does not keep, such as a layer of another kind. Call the "
    "function in a cell, where the model is; or save what can be saved with save_pretrained, and load that folder."
)
NOT_PUBLIC = {"trace_node": "workbench.graph.trace"}


class Hands:
    """Carries out orders; keeps the last model that was loaded."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._source: Any = None
        self._identity: Origin | None = None

    def carry_out(self, order: Order) -> Any:
        """The result of a call, as it can travel."""
        call, options = order.call, order.call.values()
        if call.verb == "load_model":
            self._source = self._identity = None  # so that there are never two
            self._keep(workbench.load_model(options.pop("source"), **options))
            return describe_source(self._source)
        verb = find_verb(call.verb)
        models = order.models or (None,) * len(call.subjects)
        subjects = [
            self._bring(call, variant, model) for variant, model in zip(call.subjects, models, strict=True)
        ]
        if "progress" in inspect.signature(verb).parameters:
            options["progress"] = self._tell
        result = verb(subjects, **options) if call.verb in TAKES_MANY else verb(*subjects, **options)
        return strip_sources(result)

    def _tell(self, *news: Any) -> None:
        self._channel.send("progress", strip_sources(news[0] if len(news) == 1 else news))

    def _bring(self, call: Call, variant: Variant, model: HeldModel | None) -> Any:
        """A subject as a verb takes it."""
        check_contents(variant)  # whoever listed it has looked at the sizes alone
        if not call.takes_model(variant):
            return variant
        loaded = self._load(variant.origin, model)
        return loaded if call.verb in TAKES_SOURCE else dataclasses.replace(variant, source=loaded)

    def _load(self, origin: Origin, model: HeldModel | None) -> Any:
        origin, fingerprint = (model.origin, model.fingerprint) if model else (origin, origin.fingerprint)
        wanted = _identify(origin, fingerprint)
        if self._source is None or self._identity != wanted:
            self._source = self._identity = None
            self._keep(_open_model(origin, model), wanted)
        return self._source

    def _keep(self, source: Any, identity: Origin | None = None) -> None:
        self._source = source
        self._identity = identity or _identify(source.origin, source.origin.fingerprint)


def find_verb(name: str) -> Callable[..., Any]:
    """The function of this name: a public one, or one that a widget alone calls."""
    verb: Callable[..., Any] = getattr(importlib.import_module(NOT_PUBLIC.get(name, "workbench")), name)
    return verb


def _identify(origin: Origin, fingerprint: str) -> Origin:
    """What tells a model from all others. What an export adds, and whether it was edited on the way, do not."""
    return dataclasses.replace(origin, companions="", edited=False, fingerprint=fingerprint)


def _open_model(origin: Origin, model: HeldModel | None) -> Any:
    """The model of an origin, or the one that the notebook holds.

    Raises:
        VariantError: It cannot be had here.
    """
    if model is None:
        from workbench.runners.torch import open_source

        return open_source(torch_variant(dataclasses.replace(origin, companions="")))
    try:
        loaded = workbench.load_model(
            model.copy or origin.source,
            task=origin.task,
            dtype=origin.dtype,
            device=origin.device,
            revision=None if model.copy else origin.revision,
            trust_remote_code=origin.trust_remote_code,
        )
    except WorkbenchError as error:
        if model.copy is None:
            raise
        raise VariantError(f"{NOT_KEPT.format(origin.source)} ({first_line(error)})") from error
    if loaded.origin.fingerprint != model.fingerprint:
        raise VariantError(NOT_KEPT.format(origin.source))
    processor = _unpickle(model.processor) or loaded.processor
    return dataclasses.replace(
        loaded, processor=processor, origin=origin, examples=model.examples, samples=model.samples
    )


def _unpickle(processor: bytes | None) -> Any:
    with contextlib.suppress(Exception):  # of classes not known here: the one beside the model will do
        return pickle.loads(processor) if processor is not None else None
    return None


def describe_source(source: Any) -> Loaded:
    """What a panel shows of a source."""
    return Loaded(
        origin=source.origin,
        text=str(source),
        html=source._repr_html_(),
        parameters=source.parameters,
        size_bytes=source.size_bytes,
        examples=source.examples,
        samples=source.samples,
    )


def strip_sources(value: Any) -> Any:
    """A result without the models that its variants may hold: they stay here."""
    if isinstance(value, Variant):
        return dataclasses.replace(value, source=None)
    if isinstance(value, tuple | list):
        return type(value)(map(strip_sources, value))
    if isinstance(value, dict):
        return {key: strip_sources(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {}
        for field in dataclasses.fields(value):
            if field.init:
                before = getattr(value, field.name)
                after = strip_sources(before)
                if after is not before:
                    changed[field.name] = after
        return dataclasses.replace(value, **changed) if changed else value
    return value
