"""XML that hypothesis makes up of given pieces."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as some


def elements(
    names: Sequence[str], declarations: Sequence[str], attributes: Sequence[str], texts: Sequence[str], depth: int = 3
) -> some.SearchStrategy[str]:
    """
    Elements of a few levels.

    :param names: with or without a prefix.
    :param declarations: of namespaces; one element has at most two, none twice.
    :param attributes: with the space before them, or nothing.
    """
    declared = some.lists(some.sampled_from(declarations), max_size=2, unique_by=lambda each: each.partition("=")[0])
    inner = elements(names, declarations, attributes, texts, depth - 1) if depth else some.nothing()
    children = some.lists(inner | some.sampled_from(texts), max_size=3).map("".join)

    def written(name: str, namespaces: list[str], attribute: str, inside: str) -> str:
        return f"<{' '.join([name, *namespaces])}{attribute}>{inside}</{name}>"

    return some.builds(written, some.sampled_from(names), declared, some.sampled_from(attributes), children)
