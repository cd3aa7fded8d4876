"""How long what is left of a sweep will take, by what is done of it."""

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Pace:
    """The seconds that points took, and from them the seconds that others will take.

    Examples
    --------
    >>> pace = Pace()
    >>> pace.expected(1.0)  # nothing is known yet
    >>> pace.add(2.0, seconds=30)
    >>> pace.add(2.0, seconds=34)
    >>> pace.expected(2.0), pace.expected(10.0)
    (32.0, 160.0)
    """

    def __init__(self):
        self._seconds: dict[float, float] = {}  # of all points of a cost
        self._points: dict[float, int] = {}

    def add(self, cost: float, seconds: float) -> None:
        """Learn from a finished point.

        Parameters
        ----------
        cost : float
            What the experiment says that the point costs beside others, in any unit.
        seconds : float
            What it took.
        """
        self._seconds[cost] = self._seconds.get(cost, 0.0) + seconds
        self._points[cost] = self._points.get(cost, 0) + 1

    def expected(self, cost: float) -> float | None:
        """Seconds that a point will take: as those of the same cost did, or else in proportion to its cost.

        Parameters
        ----------
        cost : float
            As in :meth:`add`.

        Returns
        -------
        float or None
            Seconds; None if no point has finished yet.
        """
        if cost in self._points:
            return self._seconds[cost] / self._points[cost]
        done = sum(cost * points for cost, points in self._points.items())
        return cost * sum(self._seconds.values()) / done if done else None


def duration(text: str) -> float:
    """Seconds of a duration as the command line takes it.

    Parameters
    ----------
    text : str
        A number with its unit: ``300s``, ``90m``, ``1.5h``, ``2d``.

    Raises
    ------
    ValueError
        If it is anything else, or no time at all.

    Examples
    --------
    >>> duration("90m")
    5400.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if not found or not float(found[1]):
        raise ValueError(f"a time is a number above 0 with a unit, such as 300s, 90m or 1.5h; got {text!r}")
    return float(found[1]) * UNITS[found[2]]


def spell(seconds: float) -> str:
    """A duration as a person would say it.

    Examples
    --------
    >>> spell(42.4), spell(610), spell(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
