"""What the retrieval networks of Wu 2025 cannot do: checked on random networks."""

import math

import pandas as pd
import torch

from attention_atlas.checks.margins import real, table, whole
from attention_atlas.models.attention_only import AttentionOnly, Network

__all__ = ["set_without_places", "set_without_places_control"]
ROUNDED = 1e-9  # change of the logits, relative to their spread, that counts as rounding in float64


def set_without_places(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Derived here: without mask and encoding, shuffling the tokens before the query leaves the answer as it is.

    The margin is in decades below a change of 1e-9 of the logits' spread. Every draw is another untrained network,
    with attention sharp enough to tell tokens apart.
    """
    return table(_draw("none", generator) for _ in range(draws))


def set_without_places_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the mask is causal, and nothing else."""
    return table(_draw("causal", generator) for _ in range(draws))


def _draw(mask: str, generator: torch.Generator) -> list[dict]:
    depth, tokens, width = whole(1, 4, generator), whole(3, 17, generator), whole(2, 16, generator)
    sharpness, residual = real(1, 4, generator), bool(whole(0, 1, generator))
    depth += mask == "causal"  # the last token of one causal layer sees a set
    model = AttentionOnly(width, labels=5, depth=depth, mask=mask, residual=residual)
    network = Network([model], tokens, dtype=torch.float64)
    weights = network.initial([generator])
    weights |= {name: weights[name] * sharpness * math.sqrt(width) for name in ("query", "key")}
    weights["hidden_bias"] += 2.0  # else some hidden layers are dead and pass nothing on, shuffled or not
    x = torch.randn(1, 8, tokens, width, generator=generator, dtype=torch.float64)
    shift = whole(1, tokens - 2, generator) if tokens > 3 else 1
    shuffled = torch.cat([x[:, :, :-1].roll(shift, dims=2), x[:, :, -1:]], dim=2)
    before, after = (network.logits(weights, sequences) for sequences in (x, shuffled))
    change = ((before - after).abs().max() / before.std(1).max()).item()  # std: from sequence to sequence
    margin = math.log10(ROUNDED / max(change, 1e-18))
    return [dict(depth=depth, tokens=tokens, width=width, residual=residual, side="upper", margin=margin)]
