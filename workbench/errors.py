"""The few errors a caller may want to catch. Bad arguments raise the builtin exceptions instead.

Every message says what happened, what was given and what to do next.
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """The root of all errors that the workbench raises on purpose."""


class LoadError(WorkbenchError):
    """A model could not be found, fetched or read."""


class TaskError(WorkbenchError):
    """A task is unknown, unsupported, or does not fit the model."""


class ConvertError(WorkbenchError):
    """A variant could not be made from the one given; nothing was left behind."""


class VariantError(WorkbenchError):
    """A variant is not whole: a file of its folder is missing, altered or points elsewhere, or it gives NaN."""


def first_line(error: BaseException, limit: int = 300) -> str:
    """The first line of an error's text that says something, or the error's kind where it has none.

    Example:
        >>> first_line(ValueError("no such level\\n  at line 7"))
        'no such level'
        >>> first_line(AssertionError())
        'AssertionError'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:limit] if lines else type(error).__name__
