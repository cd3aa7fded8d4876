"""Two ways for attention to collapse, and what lies between: who decides where attention goes, position or content."""

from dataclasses import dataclass

from attention_atlas.attention import check_weights
from attention_atlas.metrics import entropy
from attention_atlas.shapes import Bool, Float64, Tensor

REGIMES = ("rank collapse", "entropy collapse", "both collapses", "localized", "driven by content")


@dataclass(frozen=True)
class Criterion:
    """When we call attention collapsed, and when localized.

    Parameters
    ----------
    residual : float
        Rank collapse: of the differences between tokens less than this share is left.
    entropy : float
        Entropy collapse: the mean entropy is below this share of the largest; at 1/2 fewer than the square root of all
        keys are left.
    position : float
        Localized: neither, and at least this share of the concentration is the same in every sequence.

    Raises
    ------
    ValueError
        If a threshold is outside of [0, 1].

    Notes
    -----
    Ours. Bao et al. 2024 speak of both collapses; the thresholds are conventions, and the book shows what others do.

    Examples
    --------
    >>> Criterion().regime(entropy=0.9, residual=0.3, by_position=0.09, by_content=0.01)
    'localized'
    """

    residual: float = 0.1
    entropy: float = 0.5
    position: float = 0.5

    def __post_init__(self):
        for name in ("residual", "entropy", "position"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"the threshold {name} must be in [0, 1], got {getattr(self, name)}")

    def regime(self, entropy: float, residual: float, by_position: float, by_content: float) -> str:
        """Which regime some attention is in, one of :data:`REGIMES`.

        Parameters
        ----------
        entropy, residual : float
            Normalized entropy, and rank residual.
        by_position, by_content : float
            The two parts of the concentration, see :func:`split`.
        """
        equal, sharp = residual < self.residual, entropy < self.entropy
        if equal or sharp:
            return "both collapses" if equal and sharp else "rank collapse" if equal else "entropy collapse"
        by_all = by_position + by_content
        return "localized" if by_position >= self.position * by_all else "driven by content"


def split(
    maps: Float64[Tensor, "sequence query key"], mask: Bool[Tensor, "query key"]
) -> tuple[Float64[Tensor, ""], Float64[Tensor, ""]]:
    """How much of the concentration of attention position explains, and how much content.

    Parameters
    ----------
    maps : (sequence, query, key)
        Attention weights of several sequences.
    mask : (query, key)
        True where attention is allowed.

    Returns
    -------
    (), ()
        With n keys allowed to a query: the divergence of its mean weights from equal ones, and the mean divergence of
        its weights from their mean, both as shares of log n and averaged over queries with more than one key. Both
        are at least 0; with the mean normalized entropy they add up to 1.

    Raises
    ------
    ValueError
        If the mask does not fit the maps.

    Notes
    -----
    Derived here: ``log n - E H(A) = [log n - H(E A)] + [H(E A) - E H(A)]``; the second bracket is the mutual
    information of the sequence and the attended key.

    Examples
    --------
    Every sequence attends to one key, and half of them to each: all of it is content.

    >>> import torch
    >>> maps = torch.eye(2, dtype=torch.float64)[:, None].expand(2, 2, 2)
    >>> split(maps, torch.ones(2, 2, dtype=torch.bool))
    (tensor(0., dtype=torch.float64), tensor(1., dtype=torch.float64))
    """
    check_weights(maps, mask)
    largest = mask.sum(-1).double().log()
    several = largest > 0
    of_mean, mean = entropy(maps.mean(0)), entropy(maps).mean(0)
    by_position, by_content = (largest - of_mean) / largest, (of_mean - mean) / largest
    return by_position[several].mean().clamp(min=0), by_content[several].mean().clamp(min=0)
