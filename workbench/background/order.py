"""`Order`: a call with all that another process needs to know, to do what the notebook would have done itself."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.background.call import Call
from workbench.compare.fleet import make_environment
from workbench.models.origin import Origin
from workbench.models.samples import Feed


@dataclasses.dataclass(frozen=True, eq=False)
class HeldModel:
    """A PyTorch model that only the notebook can vouch for: what it takes to have the same one elsewhere.

    Attributes:
        origin: Where it came from, as it was loaded.
        fingerprint: Of its config and weights as they are now.
        copy: The folder of its copy, where it was changed since it was loaded.
        processor: Its processor, pickled; saving and reading one again may not give the same settings.
        examples: What comes with it, for a person.
        samples: The same as the model takes it.
    """

    origin: Origin
    fingerprint: str
    copy: str | None
    processor: bytes | None = dataclasses.field(repr=False)
    examples: list[Any] = dataclasses.field(repr=False)
    samples: list[Feed] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Order:
    """What goes to the process.

    Attributes:
        call: What is to be done; it holds no models.
        home: The workspace.
        folder: The folder that relative paths mean.
        environment: The notebook's environment variables of now: a token that was set a moment ago counts.
        models: For each subject of the call, what is known of its model; None where its origin says it all.
    """

    call: Call
    home: str
    folder: str
    environment: Mapping[str, str] = dataclasses.field(repr=False)
    models: tuple[HeldModel | None, ...] = ()


def write_order(call: Call, home: Path) -> Order:
    """An order as things stand in the notebook now; folders and variables may have changed since its start."""
    return Order(call.alone(), str(home), os.getcwd(), make_environment())


class Surroundings:
    """Lets a process follow its notebook: folder, workspace and environment variables."""

    def __init__(self) -> None:
        self._given = dict(os.environ)

    def follow(self, order: Order) -> None:
        """Takes over what has changed there. What libraries have set here for themselves stays.

        Example:
            >>> here = Surroundings()
            >>> variables = {**os.environ, "SET_IN_A_CELL": "yes"}
            >>> here.follow(Order(Call("load_model"), "/tmp/home", os.getcwd(), variables))
            >>> os.environ.pop("SET_IN_A_CELL"), os.environ.pop("WORKBENCH_HOME")
            ('yes', '/tmp/home')
        """
        wanted = {**order.environment, "WORKBENCH_HOME": order.home}
        for name in self._given.keys() - wanted.keys():
            os.environ.pop(name, None)
        os.environ.update({name: value for name, value in wanted.items() if self._given.get(name) != value})
        self._given = wanted
        os.chdir(order.folder)
