"""The ledger's entry on Zhang et al. 2025, computed again."""

import torch
from agreement import agrees

from attention_atlas.masks import causal, dense
from attention_atlas.models.averager import forward
from attention_atlas.sinks import sinks_zhang2025
from attention_atlas.tasks.averaging import Averaging, draw
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release
from attention_atlas.theory.catch_tag_release.sink_free import sink_free


def test_necessity():
    batch = draw(Averaging(16, least_before=1), 1000, torch.Generator().manual_seed(0))

    def error(averager, parameters) -> float:
        output = forward(averager, parameters, batch.features[None]).output[0, :, -1]
        return (output - batch.target).square().mean().item()

    averager, parameters = sink_free(16, 40.0)
    weights = forward(averager, parameters, batch.features[None]).weights[0][0]
    separator = batch.separator[:, None, None]
    sinks = sinks_zhang2025(weights, dense(causal, 16)).gather(2, separator)
    assert agrees(
        "zhang2025-necessity",
        {
            "error": error(averager, parameters),
            "sinks": sinks.sum().item(),
            "plain": error(*catch_tag_release(0.0, 40.0)),
            "caught": error(*catch_tag_release(40.0, 40.0)),
        },
    )
