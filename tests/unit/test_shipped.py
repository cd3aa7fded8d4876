"""Trained decoders in files: what is written can be read again, and what is broken is refused in one line."""

import math

import pytest
import torch

from attention_atlas import files
from attention_atlas.experiments import language
from attention_atlas.models import shipped
from attention_atlas.models.decoder import forward


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    config = language.Config(
        vocabulary=300, characters=20_000, digest=language._digest("standard-library", 300, 20_000), layers=1, heads=2,
        d_model=8, tokens=8, steps=2, batch=2, test_windows=2, measured=2, records=1,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ROOT", folder)
        patch.setattr(language, "configurations", lambda profile: {"tiny": config, "words": language.CANARY})
        path = shipped.ship("tiny", folder)
        weights = language.weights(config)
        with pytest.raises(ValueError, match="no point 'words' to ship; allowed: tiny"):
            shipped.ship("words", folder)
    return path, config, weights


def test_what_is_read_is_what_was_trained(written):
    path, config, weights = written
    found = shipped.load("tiny", path.parent)
    assert found.decoder == config.decoder
    assert all(torch.equal(found.parameters[name], value.half().float()) for name, value in weights.items())
    assert found.facts["digest"] == config.digest and found.facts["steps"] == "2"


def test_its_tokenizer_is_that_of_the_corpus(written):
    path, config, _ = written
    found, text = shipped.load("tiny", path.parent), language.corpus_of(config)
    assert found.vocabulary == text.vocabulary
    source = "import os\n\n\ndef f(x):\n    return x  # größer\n"
    numbers = found.encode(source)
    assert numbers[0] == 0 and numbers.max() < 300
    printed = "".join(found.vocabulary[number] for number in numbers[1:])
    assert printed.replace("\\xc3\\xb6", "ö").replace("\\xc3\\x9f", "ß").replace("\\xc3", "").endswith("er\n")
    assert printed.startswith("import os\n\n\ndef f(x):\n    return x")


def test_it_runs(written):
    found = shipped.load("tiny", written[0].parent)
    logits = forward(found.decoder, found.parameters, found.encode("import this")[None, None])
    assert math.isfinite(logits.sum().item())


def test_a_missing_one_is_refused_with_those_there_are(written):
    with pytest.raises(FileNotFoundError, match=r"no trained model 'huge' in .*; there are: tiny"):
        shipped.load("huge", written[0].parent)


@pytest.mark.parametrize(
    "harm", [lambda content: content[:200], lambda content: content.replace(b"d_model", b"d_midel")]
)
def test_a_damaged_one_is_refused_in_one_line(written, tmp_path, harm):
    (tmp_path / "tiny.safetensors").write_bytes(harm(written[0].read_bytes()))
    with pytest.raises(ValueError, match=r"tiny.safetensors is damaged \(.*\): write it anew with the command ship"):
        shipped.load("tiny", tmp_path)
