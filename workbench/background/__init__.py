"""Does long work in a process of its own, so that a notebook's kernel stays free, and alive whatever happens.

A `Call` says what is to be done, as data and as the code that does the same; a `Desk` is the process that does it.
"""

from workbench.background.call import Call, Failure, Loaded, Written
from workbench.background.desk import Desk, shared_desk
from workbench.background.task import Task, describe_error

__all__ = ["Call", "Desk", "Failure", "Loaded", "Task", "Written", "describe_error", "shared_desk"]
