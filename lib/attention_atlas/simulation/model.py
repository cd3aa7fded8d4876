"""The stack without weights of Kim et al. 2026: what it computes, and which values of its settings make sense."""

import math
from dataclasses import dataclass

NORMALIZATIONS = ("none", "layernorm", "rmsnorm", "l2")
RESIDUALS = ("none", "raw", "normalized")


@dataclass(frozen=True)
class Model:
    """A stack of attention layers without weights, on random tokens that share a direction.

    Token t of a sequence is (g_t + l c) / sqrt(d) with independent g_t and c from N(0, I_d), c shared by the sequence
    and l^2 = alpha / (1 - alpha). A layer computes H = N(x), scores A from H, and softmax(A) H, plus a residual.

    Parameters
    ----------
    d_model : int
        Dimension d of a token, at least 1.
    alpha : float
        Expected cosine of two tokens, in [0, 1): 0 is isotropic, near 1 strongly anisotropic.
    normalization : {"layernorm", "none", "rmsnorm", "l2"}
        N: ``layernorm`` centers a vector and gives it norm sqrt(d), ``rmsnorm`` only scales it to norm sqrt(d),
        ``l2`` scales it to norm 1. Scores are <H_i, H_j> / sqrt(d), with ``l2`` <H_i, H_j>.
    residual : {"none", "raw", "normalized"}
        What is added to a layer's output: nothing, its input x as it is (pre-norm, as the official code has it), or
        N(x) (post-norm, as the curve h(j) assumes it).
    layers, tokens : int
        Depth, at least 1, and length of a sequence, at least 3 (a recency probability compares two keys of a query).
    causal : bool
        Whether a token attends to itself and earlier tokens only, or to all.
    rope : bool
        Whether queries and keys are rotated by their position (base 10,000); needs an even dimension.
    unit_input : bool
        Whether tokens are scaled to norm 1 before the first layer, as in the first version of the paper.

    Raises
    ------
    ValueError
        If a value is impossible.

    Notes
    -----
    Kim et al. 2026, official code: concept/simulation.ipynb at d68cf47, class SimpleResModel and function run_layers;
    ``l2``, ``rope`` and ``unit_input`` are in the notebooks of the first version at 4aaf9e8. ``rmsnorm`` and the
    residual ``normalized`` are ours. No epsilon is added to a norm; the official 1e-12 is below what can be seen.

    Examples
    --------
    >>> Model(d_model=64, alpha=0.5).scale
    8.0
    """

    d_model: int
    alpha: float
    normalization: str = "layernorm"
    residual: str = "none"
    layers: int = 4
    tokens: int = 10
    causal: bool = True
    rope: bool = False
    unit_input: bool = False

    def __post_init__(self):
        if self.normalization not in NORMALIZATIONS:
            raise ValueError(f"unknown normalization {self.normalization!r}; allowed: {', '.join(NORMALIZATIONS)}")
        if self.residual not in RESIDUALS:
            raise ValueError(f"unknown residual {self.residual!r}; allowed: {', '.join(RESIDUALS)}")
        if self.residual == "normalized" and self.normalization == "none":
            raise ValueError("a normalized residual needs a normalization, got none; allowed: residual none or raw")
        if not 0 <= self.alpha < 1:
            raise ValueError(f"alpha, the expected cosine of two tokens, must be in [0, 1), got {self.alpha}")
        if self.tokens < 3:
            raise ValueError(f"a recency probability needs at least 3 tokens, got {self.tokens}")
        if self.layers < 1:
            raise ValueError(f"layers must be at least 1, got {self.layers}")
        least = 2 if self.normalization == "layernorm" else 1  # centering leaves nothing of one dimension
        if self.d_model < least:
            raise ValueError(
                f"d_model must be at least {least} with normalization {self.normalization}, got {self.d_model}"
            )
        if self.rope and self.d_model % 2:
            raise ValueError(f"rotary positions need an even d_model, got {self.d_model}")

    @property
    def normalized(self) -> bool:
        """Whether all tokens have the same norm when they are scored."""
        return self.normalization != "none"

    @property
    def length(self) -> float:
        """Norm of a normalized token."""
        return 1.0 if self.normalization == "l2" else math.sqrt(self.d_model)

    @property
    def scale(self) -> float:
        """What a cosine (without normalization: an inner product) is multiplied by to give a score."""
        if self.normalization == "none":
            return 1 / math.sqrt(self.d_model)
        return self.length if self.normalization != "l2" else 1.0

    @property
    def offset(self) -> float:
        """Largest possible score of normalized tokens; 0 without normalization."""
        return self.scale if self.normalized else 0.0

    @property
    def shared(self) -> float:
        """The factor l of the shared direction, sqrt(alpha / (1 - alpha))."""
        return math.sqrt(self.alpha / (1 - self.alpha))
