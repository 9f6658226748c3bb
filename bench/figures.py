"""
What many measurements come to.

Knows no server and no unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from statistics import median
from typing import TypeVar

__all__ = ["median_of", "percentile", "slope"]

T = TypeVar("T")


def median_of(measured: Iterable[T], figure: Callable[[T], float]) -> float:
    """
    Give the median of one figure of many measurements.

    :raises statistics.StatisticsError: if there is no measurement.
    """
    return median(map(figure, measured))


def percentile(values: Sequence[float], percent: float) -> float:
    """
    Give the value that so many percent of the values do not exceed: the nearest rank, never a value between two.

    :param percent: above 0, at most 100.
    :raises ValueError: if there is no value, or no such percentile.
    """
    if not values or not 0 < percent <= 100:  # noqa: PLR2004 - what percent means
        raise ValueError(f"no percentile {percent} of {len(values)} values")
    return sorted(values)[ceil(len(values) * percent / 100) - 1]


def slope(points: Iterable[tuple[float, float]]) -> float:
    """
    Give the growth of y for each x, from the point with the least x to the one with the greatest.

    :raises ValueError: if there are not two.
    """
    ordered = sorted(points)
    (first_x, first_y), (last_x, last_y) = ordered[0], ordered[-1]
    if first_x == last_x:
        raise ValueError("a slope takes two points")
    return (last_y - first_y) / (last_x - first_x)
