"""The trace of a decoder against one written out by loops, token by token."""

import math

import pytest
import torch

from attention_atlas.decoders.maps import PANELS, WAY, trace
from attention_atlas.models.decoder import EPSILON, Decoder, initial

SHAPE = {"vocabulary": 13, "tokens": 7, "layers": 2, "heads": 2, "d_model": 6, "positions": "none"}
WINDOWS = torch.tensor([[0, 5, 3, 5, 11], [0, 1, 2, 3, 4], [0, 9, 9, 9, 9]])


def model(**changes):
    decoder = Decoder(**SHAPE | changes)
    found = initial(decoder, [torch.Generator().manual_seed(3)])
    return decoder, {name: value.double() for name, value in found.items()}


def loop(decoder, parameters, window):
    """The first layer of one window, and the scores of the second."""
    weight = {name: value[0] for name, value in parameters.items()}

    def norm(vector):
        if decoder.norm == "none":
            return vector
        centered = vector - vector.mean()
        return centered / (centered.square().mean() + EPSILON).sqrt()

    def scores(read, layer):
        return [
            [
                [
                    (row @ weight["query"][layer, h]) @ (key @ weight["key"][layer, h]) / math.sqrt(decoder.d_head)
                    for key in read
                ]
                for row in read
            ]
            for h in range(decoder.heads)
        ]

    way = {name: [] for name in WAY}
    stream = [weight["embedding"][token] for token in window]
    way["read"] = [norm(vector) for vector in stream]
    first = scores(way["read"], 0)
    for i, vector in enumerate(stream):
        parts = []
        for h in range(decoder.heads):
            shares = torch.stack(first[h][i][: i + 1]).softmax(0)
            values = [key @ weight["value"][0, h] for key in way["read"][: i + 1]]
            parts.append(sum(share * value for share, value in zip(shares, values, strict=True)))
        way["pooled"].append(torch.cat(parts))
        way["written"].append(sum(part @ weight["output"][0, h] for h, part in enumerate(parts)))
        way["attended"].append(vector + way["written"][-1])
        way["mlp_read"].append(norm(way["attended"][-1]))
        hidden = torch.nn.functional.gelu(way["mlp_read"][-1] @ weight["mlp_in"][0])
        way["left"].append(way["attended"][-1] + hidden @ weight["mlp_out"][0])
    return way, first, scores([norm(vector) for vector in way["left"]], 1)


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_it_equals_the_plain_loop(norm):
    decoder, parameters = model(norm=norm)
    found = trace(decoder, parameters, WINDOWS)
    for place, window in enumerate(WINDOWS.tolist()):
        way, first, second = loop(decoder, parameters, window)
        for name in WAY:
            assert torch.allclose(found.vectors[0, name][place], torch.stack(way[name]), atol=1e-10), name
        for layer, maps in enumerate((first, second)):
            assert torch.allclose(found.scores[layer][place], torch.tensor(maps).double(), atol=1e-6)
    gram = found.vectors[0, "left"][1]
    assert torch.allclose(found.gram(0, "left")[1], gram @ gram.T)


def test_every_panel_is_there_and_nothing_of_later_layers_but_what_they_read():
    found = trace(*model(layers=3), WINDOWS)
    assert set(found.vectors) == {*((0, name) for name in WAY), (1, "read"), (2, "read")} and len(found.scores) == 3
    assert [(0, name) for name in WAY] == list(found.vectors)[: len(WAY)]
    for kind, name, layer, _ in PANELS:
        assert kind == "score" or (layer, name) in found.vectors


def test_what_follows_a_token_changes_nothing_of_it():
    decoder, parameters = model()
    long, short = (trace(decoder, parameters, windows) for windows in (WINDOWS, WINDOWS[:, :3]))
    assert torch.allclose(long.scores[1][..., :3, :3], short.scores[1])
    assert not torch.allclose(long.scores[1][..., 1:4, 1:4], short.scores[1])  # control: other tokens


def test_scores_have_the_bias_and_the_rotation():
    plain = trace(*model(), WINDOWS).scores[0]
    for positions in ("decay", "rope"):
        decoder, parameters = model(positions=positions, d_model=8)
        changed = trace(decoder, parameters, WINDOWS).scores[0]
        base = trace(Decoder(**SHAPE | {"d_model": 8}), parameters, WINDOWS).scores[0]
        assert torch.allclose(changed.diagonal(dim1=2, dim2=3), base.diagonal(dim1=2, dim2=3))
        assert not torch.allclose(changed.tril(-1), base.tril(-1))
    assert plain.shape == (3, 2, 5, 5)
