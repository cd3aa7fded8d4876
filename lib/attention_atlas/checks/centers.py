"""The center nodes of a mask win: checked on random graphs."""

import pandas as pd
import torch

from attention_atlas.attention import attention_weights
from attention_atlas.checks.margins import random_maps, real, table, upper_margin, whole
from attention_atlas.masks import Mask, causal, center_nodes, dense
from attention_atlas.theory.centers import log_center_bound, outside_share, steps_to_centers
from attention_atlas.theory.position_bias.collapse import measured_epsilon


def atlas_center_limit(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Derived here: at most (1 - eps^r)^floor((t+1)/r) of any token's context stays outside the center nodes.

    Every draw is another random graph in which a token may see any others, and not even itself.
    """

    def draw():
        tokens, depth, spread = whole(3, 12, generator), whole(1, 40, generator), real(0, 1, generator)
        mask = random_mask(tokens, generator)
        maps = random_maps(mask, tokens, depth, spread, generator)
        steps, epsilon = steps_to_centers(mask, tokens), measured_epsilon(maps, mask)
        margin = upper_margin(outside_share(maps, mask), log_center_bound(epsilon, steps, depth))
        return [dict(tokens=tokens, layers=depth, steps=steps, epsilon=epsilon, side="upper", margin=margin)]

    return table(draw() for _ in range(draws))


def atlas_center_limit_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: there is no center node. Two documents share the sequence and do not see each other.

    The first token is claimed to be the center, as without the packing; the second document never hears of it.
    """

    def draw():
        tokens, depth, spread = whole(4, 12, generator), whole(8, 40, generator), real(0, 1, generator)
        packed = causal & packed_documents(whole(2, tokens - 1, generator))
        logits = spread * torch.randn(depth, tokens, tokens, generator=generator, dtype=torch.float64)
        maps = attention_weights(logits, dense(packed, tokens))
        epsilon = measured_epsilon(maps, packed)
        margin = upper_margin(outside_share(maps, causal), log_center_bound(epsilon, 1, depth))
        return [dict(tokens=tokens, layers=depth, steps=1, epsilon=epsilon, side="upper", margin=margin)]

    return table(draw() for _ in range(draws))


def packed_documents(start: int) -> Mask:
    """The mask of two documents in one sequence, the second beginning at index ``start``: neither sees the other.

    Examples
    --------
    >>> center_nodes(causal & packed_documents(2), 4)
    []
    """
    return Mask("packed_documents", lambda query, key: (query < start) == (key < start), least_tokens=start + 1)


def random_mask(tokens: int, generator: torch.Generator, density: float = 0.25) -> Mask:
    """A random mask with some center nodes and some other tokens that see one another, drawn until there is one.

    Parameters
    ----------
    tokens : int
        Length of the sequence, at least 3.
    generator : torch.Generator
        Source of randomness.
    density : float
        Chance of every edge; besides, every query gets one key, so that no row is empty.

    Examples
    --------
    >>> len(center_nodes(random_mask(5, torch.Generator().manual_seed(0)), 5)) in range(1, 5)
    True
    """
    if tokens < 3:
        raise ValueError(f"random_mask needs at least 3 tokens, got {tokens}")
    while True:
        allowed = torch.rand(tokens, tokens, generator=generator) < density
        allowed[torch.arange(tokens), torch.randint(tokens, (tokens,), generator=generator)] = True
        mask = Mask("random", lambda query, key, allowed=allowed: allowed[query, key])
        outside = sorted(set(range(tokens)) - set(center_nodes(mask, tokens)))
        # Chance must have a say, and somebody outside must look outside: else nothing is left to lose after one layer.
        if 0 < len(outside) < tokens and allowed.sum() > tokens and allowed[outside][:, outside].any():
            return mask
