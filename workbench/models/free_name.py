"""Names that tell things apart."""

from __future__ import annotations

from collections.abc import Container


def find_free_name(wanted: str, taken: Container[str]) -> str:
    """The name as it is wanted, or with the first number that makes it one that nothing has.

    Args:
        wanted: The name.
        taken: Those that others have.

    Example:
        >>> find_free_name("fast", []), find_free_name("fast", ["fast", "fast (2)"])
        ('fast', 'fast (3)')
    """
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted} ({count})"
    return name
