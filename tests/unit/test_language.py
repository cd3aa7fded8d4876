"""Tokenizers, the cache and the windows, on texts made here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.tasks import corpora, language, tokens
from attention_atlas.tasks.corpora import END_OF_FILE, Text
from attention_atlas.tasks.corpus import Corpus, keep, kept
from attention_atlas.tasks.language import consecutive_windows, corpus, windows

MODULES = {
    f"module{i}.py": f'"""Module {i} of many."""\n\n\ndef function_{i}(x):\n    return x + {i}  # é\n'
    for i in range(37)
}


LIBRARY = str(Path(language.__file__).parents[2])


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library, and no cache or manifest yet."""
    monkeypatch.setattr(language, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(corpora, "MANIFEST", tmp_path / "corpora.json")
    folder = tmp_path / "library"
    folder.mkdir()
    for name, content in MODULES.items():
        (folder / name).write_text(content, encoding="utf-8")
    # The corpora of here, wherever a test does not name a folder.
    monkeypatch.setattr(corpora, "_library", lambda asked: folder if asked is None else Path(asked))
    return folder


def same(one, other):
    assert (one.digest, one.vocabulary, one.bytes_per_token) == (other.digest, other.vocabulary, other.bytes_per_token)
    assert (one.name, one.tokenizer, one.origin) == (other.name, other.tokenizer, other.origin)
    for part in ("train", "validation", "kinds"):
        assert torch.equal(getattr(one, part), getattr(other, part))


# Tokenizers


def spelled(encoded, part):
    return "".join(encoded.vocabulary[token] for token in getattr(encoded, part))


@pytest.mark.parametrize("vocabulary", [257, 283])
def test_byte_pairs_lose_nothing(library, vocabulary):
    pytest.importorskip("tokenizers")
    text = corpora.text("standard-library")
    encoded = tokens.byte_pairs(text, vocabulary)
    assert len(encoded.vocabulary) == vocabulary == len(set(encoded.vocabulary))
    for part in ("train", "validation"):
        # The two bytes of a letter may be two tokens, each printed as an escape.
        assert spelled(encoded, part).replace("\\xc3\\xa9", "é").replace("\\x1c", END_OF_FILE) == getattr(text, part)
    assert len(encoded.train) < len(text.train.encode()) or vocabulary == 257


def test_bytes_alone_are_the_bytes():
    pytest.importorskip("tokenizers")
    text = "aé\n<s>" + END_OF_FILE
    encoded = tokens.byte_pairs(Text(text, text, ""), 257)
    letters = [encoded.vocabulary[token].encode().decode("unicode_escape").encode("latin-1") for token in encoded.train]
    assert b"".join(letters) == text.encode()
    assert encoded.train.min() >= 1  # "<s>" in a text is three characters


def test_no_token_crosses_the_end_of_a_file():
    pytest.importorskip("tokenizers")
    text = f"ab\n{END_OF_FILE}" * 50
    assert not any(END_OF_FILE in word[:-1] for word in tokens.byte_pairs(Text(text, text, ""), 300).vocabulary)


def test_a_token_is_language_where_half_of_its_bytes_are():
    pytest.importorskip("tokenizers")
    source = f"x = 1  # né\n'a' + b\n{END_OF_FILE}"
    encoded = tokens.byte_pairs(Text(source, source, ""), 257)
    marked = "".join(source.encode()[i : i + 1].decode("latin-1") for i in np.flatnonzero(encoded.kinds))
    assert marked == "# né'a'".encode().decode("latin-1")
    assert len(encoded.kinds) == len(source.encode())
    # Merged: " #" is half of a comment, " '" of a string; " +" is code.
    text = " # b\n + 'c'\n" * 50
    merged = tokens.byte_pairs(Text(text, f"a # b\na + 'c'\n{END_OF_FILE}", ""), 262)
    kinds = {merged.vocabulary[token]: kind for token, kind in zip(merged.validation, merged.kinds, strict=True)}
    assert (kinds[" #"], kinds[" '"], kinds[" +"]) == (1, 1, 0)


def test_words_are_the_plain_count():
    train = " = B a = \n a <unk> a <s> c \n \n"
    encoded = tokens.words(Text(train, " a d \n = c = \n", ""), 6)
    assert encoded.vocabulary == ("<s>", "<unk>", "a", "<eos>", "=", "B")
    known = {word: place for place, word in enumerate(encoded.vocabulary)}
    spelling = train.replace("<s>", "never").replace("\n", "<eos>").split()
    assert encoded.train.tolist() == [known.get(word, 1) for word in spelling]
    assert encoded.validation.tolist() == [known["a"], 1, known["<eos>"], known["="], 1, known["="], known["<eos>"]]
    assert encoded.kinds.tolist() == [0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("encode", "vocabulary", "line"),
    [
        (tokens.byte_pairs, 256, "at least 257 .* got 256"),
        (tokens.words, 2, "at least 3 .* got 2"),
        (tokens.characters, 3, r"at least 4 \(3 characters and <s>\), got 3"),
    ],
)
def test_a_vocabulary_that_is_too_small_is_refused(encode, vocabulary, line):
    with pytest.raises(ValueError, match=line):
        encode(Text("abc", "ab", ""), vocabulary)


# Corpora and their cache


def test_a_corpus_is_encoded_once(library, monkeypatch):
    pytest.importorskip("tokenizers")
    made = corpus("standard-library", 300)
    assert made.tokenizer == "byte-pair"
    text = corpora.text("standard-library")
    assert made.bytes_per_token * len(made.validation) == pytest.approx(len(text.validation.encode()))
    monkeypatch.setitem(sys.modules, "tokenizers", None)  # importing it would fail
    same(corpus("standard-library", 300), made)
    with pytest.raises(ModuleNotFoundError, match="package tokenizers; allowed: pip install tokenizers, or an encoded"):
        corpus("standard-library", 301)


def test_wikitext_and_zen_need_no_package(library, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    (library / "this.py").write_text('s = """Gur Mra bs Clguba"""\n')
    assert corpus("zen", 64).kinds is None
    assert len(corpus("zen", 64).vocabulary) == 12
    for part in ("test.txt", "valid.txt"):
        (tmp_path / part).write_text(" = A = \n \n b c \n")
    found = corpus("wikitext-2", 5, folder=tmp_path)
    assert "trained on test.txt" in found.origin
    assert found.train.tolist() == found.validation.tolist()
    assert found.kinds.sum() == 4


def test_characters_cap_the_text(library):
    pytest.importorskip("tokenizers")
    whole, capped = corpus("standard-library", 257), corpus("standard-library", 257, 500)
    text = corpora.text("standard-library")
    assert len(capped.train) == len(text.train[:500].encode())
    assert torch.equal(capped.train, whole.train[: len(capped.train)])
    assert torch.equal(capped.validation, whole.validation[: len(text.validation[:50].encode())])
    assert capped.digest != whole.digest


@pytest.mark.parametrize("characters", [19, 0, -5])
def test_a_cap_that_leaves_nothing_is_refused(library, characters):
    with pytest.raises(ValueError, match=f"at least 20, or None for all; got {characters}"):
        corpus("standard-library", 300, characters)


def test_an_unknown_corpus_is_refused():
    with pytest.raises(ValueError, match="unknown corpus 'ulysses'; allowed: standard-library, wikitext-2, zen"):
        corpus("ulysses", 300)


def test_a_cache_of_another_text_is_made_anew(library):
    pytest.importorskip("tokenizers")
    before = corpus("standard-library", 300)
    (library / "module1.py").write_text("changed = True\n")
    after = corpus("standard-library", 300)
    assert after.digest != before.digest
    same(corpus("standard-library", 300), after)


@pytest.mark.parametrize("damage", ["cut", "empty", "other numbers", "no numbers", "foreign"])
def test_a_damaged_cache_is_made_anew(library, damage):
    pytest.importorskip("tokenizers")
    made = corpus("standard-library", 300)
    (path,) = language.CACHE.iterdir()
    content = path.read_bytes()
    with np.load(path) as stored:
        arrays = dict(stored)
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "other numbers":  # a whole file, but not what its digest says
        np.savez(path, **arrays | {"train": np.roll(arrays["train"], 1)})
    elif damage == "no numbers":
        np.savez(path, about=arrays["about"])
    else:
        np.savez(path, **arrays | {"about": np.frombuffer(b'{"digest": "", "source": "", "x": 1}', np.uint8)})
    assert kept(path) == (None, "")
    same(corpus("standard-library", 300), made)
    same(kept(path)[0], made)  # and it was kept


def test_only_the_recorded_corpus_stands_in_for_a_text_that_cannot_be_encoded(library, monkeypatch):
    pytest.importorskip("tokenizers")
    made = corpus("standard-library", 300)
    (library / "module1.py").write_text("changed = True\n")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ModuleNotFoundError, match="package tokenizers"):
        corpus("standard-library", 300)
    entry = {"python": "3.0.0", "files": {}, "digests": {"300-all": made.digest}}
    corpora.MANIFEST.write_text(json.dumps({"standard-library": entry}))
    same(corpus("standard-library", 300), made)
    for file in library.iterdir():
        file.unlink()
    same(corpus("standard-library", 300), made)


def test_record_writes_what_recorded_and_explain_read(library):
    pytest.importorskip("tokenizers")
    sizes = (("standard-library", 300, None), ("standard-library", 300, 500))
    written = language.record(sizes)
    assert written == corpora.manifest()
    for _, vocabulary, characters in sizes:
        found = corpus("standard-library", vocabulary, characters)
        assert language.recorded("standard-library", vocabulary, characters) == found.digest
        assert language.explain(found, vocabulary, characters) == ""
    with pytest.raises(
        ValueError, match="no digest of standard-library 301-all is recorded; recorded: 300-all, 300-500"
    ):
        language.recorded("standard-library", 301)
    with pytest.raises(ValueError, match="no digest of zen 64-all is recorded; recorded: none"):
        language.recorded("zen", 64)
    with pytest.raises(ValueError, match="unknown corpus"):
        language.recorded("ulysses", 64)


def test_a_corpus_that_is_not_the_recorded_one_is_explained_in_a_line(library):
    pytest.importorskip("tokenizers")
    language.record([("standard-library", 300, None)])
    before = language.recorded("standard-library", 300)
    assert "the same files were encoded differently" in language.explain(corpus("standard-library", 301), 300)
    (library / "module1.py").write_text("changed = True\n")
    found = corpus("standard-library", 300)
    line = language.explain(found, 300)
    assert line.startswith(f"{found.digest} is not the recorded corpus {before}: standard-library: 1 files differ")
    assert "\n" not in line


def test_record_does_not_trust_the_cache_and_leaves_other_corpora(library):
    pytest.importorskip("tokenizers")
    made = corpus("standard-library", 300)
    (path,) = language.CACHE.iterdir()
    swapped = Corpus(made.name, made.tokenizer, made.validation, made.validation, made.vocabulary, 1.0, made.kinds)
    keep(path, swapped, kept(path)[1])  # as another version of the library would have encoded it
    assert corpus("standard-library", 300).digest == swapped.digest  # negative control: it is believed
    corpora.MANIFEST.write_text(json.dumps({"zen": {"python": "3.0.0", "files": {}, "digests": {}}}))
    written = language.record([("standard-library", 300, None)])
    assert written["standard-library"]["digests"] == {"300-all": made.digest}
    assert written["zen"]["python"] == "3.0.0"


def test_record_that_cannot_encode_keeps_what_the_cache_holds(library, monkeypatch):
    pytest.importorskip("tokenizers")
    made = corpus("standard-library", 300)
    (path,) = language.CACHE.iterdir()
    before = path.read_bytes()
    encode = language._encode

    def second_fails(name, vocabulary, text):
        if vocabulary == 301:
            raise ModuleNotFoundError("needs the package tokenizers")
        return encode(name, vocabulary, text)

    with monkeypatch.context() as patched:
        patched.setattr(language, "_encode", second_fails)
        with pytest.raises(ModuleNotFoundError, match="package tokenizers"):
            language.record([("standard-library", 300, None), ("standard-library", 301, None)])
    assert path.read_bytes() == before and not corpora.MANIFEST.exists()
    for file in library.iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError):
        language.record([("standard-library", 300, None)])
    assert path.read_bytes() == before and kept(path)[0].digest == made.digest


ENCODE = """
from attention_atlas.tasks import corpora, language
text = corpora.text("standard-library")
text = text._replace(train=text.train[:50_000], validation=text.validation[:5_000])
digest = language._encode("standard-library", 400, text).digest
"""


def test_the_digest_is_the_same_in_another_process():
    pytest.importorskip("tokenizers")
    here: dict[str, str] = {}
    exec(ENCODE, here)
    parallel = "false" if os.environ.get("TOKENIZERS_PARALLELISM", "true") == "true" else "true"
    there = subprocess.run(
        [sys.executable, "-c", f"{ENCODE}print(digest)"],
        env={**os.environ, "PYTHONPATH": LIBRARY, "PYTHONHASHSEED": "7", "TOKENIZERS_PARALLELISM": parallel},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout == here["digest"] + "\n"


def test_zen_is_the_recorded_one_in_every_python():
    found = corpus("zen", 64)
    assert found.digest == language.recorded("zen", 64)
    assert language.explain(found, 64) == ""


def test_the_digest_sees_every_part_of_what_it_is_of():
    one, two = torch.tensor([1, 2]), torch.tensor([2, 1])
    words = ("<s>", "a", "b")
    variants = [
        Corpus("zen", "character", one, two, words, 1.0),
        Corpus("zeno", "character", one, two, words, 1.0),
        Corpus("zen", "word", one, two, words, 1.0),
        Corpus("zen", "character", two, two, words, 1.0),
        Corpus("zen", "character", one, one, words, 1.0),
        Corpus("zen", "character", one, two, ("<s>", "b", "a"), 1.0),
        Corpus("zen", "character", torch.tensor([1]), torch.tensor([2, 2, 1]), words, 1.0),
    ]
    assert len({variant.digest for variant in variants}) == len(variants)
    assert variants[0].digest == Corpus("zen", "character", one, two, words, 7.0, one, "elsewhere").digest


@pytest.mark.parametrize("numbers", [[], [0], [3], [-1]])
def test_numbers_that_stand_for_nothing_are_refused(numbers):
    bad = torch.tensor(numbers, dtype=torch.int64)
    with pytest.raises(ValueError, match="zen must be numbers from 1 to 2, at least one"):
        Corpus("zen", "character", bad, torch.tensor([1]), ("<s>", "a", "b"), 1.0)


# Windows


@given(tokens=st.integers(6, 40), length=st.integers(2, 7), count=st.integers(1, 11), seed=st.integers(0, 2**31))
def test_windows_are_pieces_of_the_text_behind_the_beginning(tokens, length, count, seed):
    text = torch.arange(1, tokens + 1)  # a token tells its place
    found = windows(text, length, count, torch.Generator().manual_seed(seed))
    assert found.shape == (count, length)
    assert (found[:, 0] == 0).all()
    assert (found[:, 1:].diff() == 1).all()
    assert found[:, 1].min() >= 1
    assert found[:, -1].max() <= tokens
    assert torch.equal(found, windows(text, length, count, torch.Generator().manual_seed(seed)))


def test_every_window_comes_about_as_often_and_another_generator_gives_others():
    text = torch.arange(1, 8)
    starts = windows(text, 4, 10_000, torch.Generator().manual_seed(0))[:, 1]
    share = torch.bincount(starts, minlength=6)[1:] / 10_000
    assert torch.allclose(share, torch.full((5,), 0.2), atol=0.02)  # 5 standard deviations
    assert not torch.equal(starts, windows(text, 4, 10_000, torch.Generator().manual_seed(1))[:, 1])


@given(tokens=st.integers(6, 40), length=st.integers(2, 7))
def test_consecutive_windows_are_the_text_in_order(tokens, length):
    text = torch.arange(1, tokens + 1)
    found = consecutive_windows(text, length)
    assert torch.equal(found[:, 1:].flatten(), text[: tokens // (length - 1) * (length - 1)])
    assert (found[:, 0] == 0).all()
    assert torch.equal(consecutive_windows(text, length, 1), found[:1])
    assert torch.equal(consecutive_windows(text, length, 1000), found)


@pytest.mark.parametrize(
    ("length", "count", "line"),
    [
        (1, 3, "length must be at least 2, got 1"),
        (3, 0, "at least 1 window, got 0"),
        (7, 3, "a window of length 7 needs 6 tokens of text, got 5"),
    ],
)
def test_impossible_windows_are_refused(length, count, line):
    text = torch.arange(1, 6)
    with pytest.raises(ValueError, match=line):
        windows(text, length, count, torch.Generator())
    with pytest.raises(ValueError, match=line):
        consecutive_windows(text, length, count)
    assert consecutive_windows(text, 6).shape == windows(text, 6, 1, torch.Generator()).shape == (1, 6)
