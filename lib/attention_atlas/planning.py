"""What a sweep has to do, in which order and in which portions."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from fnmatch import fnmatch

from attention_atlas import results
from attention_atlas.profiles import check_profile


def missing(
    name: str, profile: str, only: str | Sequence[str] = "*", store: results.Store | None = None
) -> tuple[list[str], int]:
    """Points that the store lacks, in the experiment's order (the canary first), and how many it has.

    Parameters
    ----------
    name, profile : str
        Of the experiment, and the size.
    only : str or sequence of str
        Patterns for the names of points, such as ``maps-*``; several in one text are separated by commas.
    store
        The project's own by default.

    Raises
    ------
    ValueError
        If the experiment or the profile is unknown, or no point has a name like one of the patterns.
    """
    experiment, store = results.load_experiment(name), store or results.Store()
    points = experiment.configurations(check_profile(profile))
    texts = [only] if isinstance(only, str) else only
    patterns = [pattern.strip() for text in texts for pattern in text.split(",")]
    for pattern in patterns:
        if not any(fnmatch(point, pattern) for point in points):
            raise ValueError(f"{name} has no point like {pattern!r}; allowed: {', '.join(points)}")
    wanted = {p: config for p, config in points.items() if any(fnmatch(p, pattern) for pattern in patterns)}
    todo = [point for point, config in wanted.items() if store.get(experiment, config) is None]
    canary = [] if store.get(experiment, experiment.CANARY) else [results.CANARY_POINT]
    return canary + todo, len(wanted) - len(todo)


def groups(
    configs: Mapping[str, object], alike: Callable[[object], Hashable] | None = None, together: int = 1
) -> list[list[str]]:
    """Points that are computed as one job each, in the order of their first points; the canary is alone.

    Parameters
    ----------
    configs : mapping
        The points that are missing, by name.
    alike : callable, optional
        What configurations must have in common to be computed together; by default nothing is.
    together : int
        How many points a job has at most.

    Returns
    -------
    list of list of str
        Names of points. A group of which nothing is finished is formed again by the next sweep, with the same members:
        an experiment that keeps a checkpoint of a group finds it.

    Examples
    --------
    >>> groups({"canary": "", "a": "xy", "b": "z", "c": "zz", "d": "yx"}, alike=len, together=2)
    [['canary'], ['a', 'c'], ['b'], ['d']]
    """
    formed: list[list[str]] = []
    unfinished: dict[Hashable, list[str]] = {}
    for point, config in configs.items():
        if alike is None or point == results.CANARY_POINT:
            formed.append([point])
            continue
        group = unfinished.setdefault(alike(config), [])
        if not group:
            formed.append(group)
        group.append(point)
        if len(group) == together:
            del unfinished[alike(config)]
    return formed
