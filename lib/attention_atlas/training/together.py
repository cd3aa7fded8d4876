"""Whether a model becomes the same whether it trains alone or beside others."""

from collections.abc import Sequence

from attention_atlas.models.attention_only import AttentionOnly
from attention_atlas.tasks.retrieval import Task
from attention_atlas.training.retrieval import Training


def together_or_alone(model: AttentionOnly, task: Task, seeds: Sequence[int], steps: int) -> tuple[float, float]:
    """Train models that differ in their seed at once, then each alone, and compare their parameters.

    Parameters
    ----------
    model : AttentionOnly
        Shape of all of them.
    task : Task
        What they learn.
    seeds : sequence of int
        Of each model, for its world, its first weights and its sequences.
    steps : int
        Length of training, a multiple of :data:`attention_atlas.training.retrieval.CHUNK`.

    Returns
    -------
    (float, float)
        The largest difference of a parameter between the two ways, and the farthest that one moved from its start.

    Raises
    ------
    ValueError
        If there is no seed, or training cannot advance by so many steps.

    Examples
    --------
    >>> apart, moved = together_or_alone(AttentionOnly(), Task(), [0, 1], 20)
    >>> apart < moved / 100
    True
    """
    if not seeds:
        raise ValueError("at least one seed is needed, got none")
    together = Training([model] * len(seeds), [task] * len(seeds), [(seed, seed) for seed in seeds])
    together.advance(steps)
    apart, moved = 0.0, 0.0
    for place, seed in enumerate(seeds):
        alone = Training([model], [task], [(seed, seed)])
        start = {name: weights.clone() for name, weights in alone.ensemble.parameters.items()}
        alone.advance(steps)
        for name, weights in alone.ensemble.parameters.items():
            apart = max(apart, (weights[0] - together.ensemble.parameters[name][place]).abs().max().item())
            moved = max(moved, (weights[0] - start[name][0]).abs().max().item())
    return apart, moved
