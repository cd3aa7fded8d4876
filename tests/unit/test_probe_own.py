"""The probe on the project's own model, and what needs no transformers: none of this is skipped without it."""

import re
import subprocess
import sys

import pytest
import torch

from attention_atlas import cli
from attention_atlas.models.decoder import Decoder, initial
from attention_atlas.models.shipped import Shipped
from attention_atlas.probe import loading, measuring, report, source, summary, trained

TEXT = "The first token wins. Every later token may look at it, and at itself, and at what stands between.\n" * 3


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "a text.txt"
    path.write_text(TEXT)
    return path


def refused(capsys, message, *arguments):
    assert cli.main(["probe", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("error: ")
    assert re.search(message, said.err), said.err


def tiny():
    tokenizers = pytest.importorskip("tokenizers", exc_type=ImportError)
    decoder = Decoder(vocabulary=4, tokens=17, layers=2, heads=3, d_model=12)
    parameters = initial(decoder, [torch.Generator().manual_seed(0)])
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1, "c": 2}, unk_token="c"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return trained.Trained(Shipped("tiny", decoder, parameters, ("<s>", "a", "b", "c"), tokenizer.to_str(), {}))


def test_the_decoder_that_ships_is_a_source_too():
    source = tiny()
    tokens = measuring.beginning(source, "a b c a b c a " * 9)
    found = measuring.measure(source, tokens)
    assert found.names[:4] == ["<s>", "a", "b", "c"] and len(found.names) == 17
    assert set(found.layers["layer"]) == {0, 1} and found.layers["head"].max() == 2
    assert summary.perplexity(found) == pytest.approx(4, rel=0.5)  # nothing is learned
    assert report.contents(found, "a text")["report.html"]


def test_a_text_of_one_token_is_refused_though_a_window_begins_with_another():
    assert len(measuring.beginning(tiny(), "a b")) == 3
    with pytest.raises(ValueError, match="needs a text of at least 2 tokens, got 1"):
        measuring.beginning(tiny(), "a")


def test_the_command_refuses_one_token_for_the_model_that_ships(tmp_path, capsys):
    pytest.importorskip("tokenizers", exc_type=ImportError)
    (tmp_path / "a.txt").write_text("a")
    refused(capsys, "needs a text of at least 2 tokens, got 1", "--text", tmp_path / "a.txt")


def test_the_command_measures_the_model_that_ships(text, capsys):
    pytest.importorskip("tokenizers", exc_type=ImportError)
    assert cli.main(["probe", "--text", str(text), "--tokens", "9"]) == 0
    assert "9 tokens, perplexity" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "layer", "what"),
    [
        ("query", 1, "the attention of layer 1 "),
        ("output", 0, "what the heads of layer 0 write "),
        ("mlp_out", 0, "the residual stream that enters layer 1 "),
        ("unembedding", None, "what the model predicts, after the attention of layer 1, "),
    ],
)
def test_numbers_that_are_not_finite_are_refused_with_their_layer(name, layer, what):
    broken = tiny()
    weights = broken.shipped.parameters[name]
    (weights if layer is None else weights[:, layer])[...] = float("nan")
    with pytest.raises(ValueError, match=f"^tiny cannot be measured: {what}is not finite"):
        measuring.measure(broken, torch.tensor([0, 1, 2, 3, 1]))


def test_infinity_is_no_number_either_and_large_numbers_are():
    source.refuse_infinite("a model", "it", torch.tensor([1e38, -1e38]))
    with pytest.raises(ValueError, match="it is not finite"):
        source.refuse_infinite("a model", "it", torch.tensor([1.0, float("inf")]))


def test_a_mark_of_byte_order_is_no_text(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert measuring.read(path) == TEXT
    path.write_bytes(b"\xef\xbb\xbf \n")
    with pytest.raises(ValueError, match="the text is empty"):
        measuring.read(path)


def test_the_command_line_stays_light():
    code = "import sys; from attention_atlas import cli; cli._parser(); print([n for n in ('torch', 'transformers', "
    code += "'pandas', 'matplotlib') if n in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_folders_that_hold_something_else_are_refused_before_the_work(text, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda name: pytest.fail("the model was loaded first"))
    refused(capsys, "--out takes a new folder .* holds 'a text.txt'", "any", "--text", text, "--out", tmp_path)
    refused(capsys, "--out takes a folder, got a file", "any", "--text", text, "--out", text)


def test_folders_that_cannot_be_written_are_refused_before_the_work(text, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda name: pytest.fail("the model was loaded first"))
    message = "--out takes a folder that can be written, got .*report: "
    refused(capsys, message + "Not a directory", "any", "--text", text, "--out", text / "report")
    before = sorted(tmp_path.rglob("*"))
    report.refuse_folder(tmp_path / "new/report")
    assert sorted(tmp_path.rglob("*")) == before  # the question leaves nothing behind

    def read_only(**options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(report.tempfile, "TemporaryDirectory", read_only)
    refused(capsys, message + "Permission denied", "any", "--text", text, "--out", tmp_path / "report")


def test_without_transformers_the_line_says_how_to_get_it(text, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    refused(
        capsys,
        r"needs the package transformers; allowed: pip install 'attention-atlas\[probe\]'",
        "any",
        "--text",
        text,
    )
