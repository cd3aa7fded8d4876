"""Texts from folders made here: what is in, in which part, and what is told when it is not there."""

import hashlib
import json
import platform
import sys
import types

import numpy as np
import pytest

from attention_atlas.tasks import corpora
from attention_atlas.tasks.corpora import END_OF_FILE, natural_language, text

MODULES = {f"module{i}.py": f'"""Module {i}."""\n' for i in range(37)}


@pytest.fixture
def library(tmp_path):
    for name, content in MODULES.items():
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.fixture
def wikitext(tmp_path, monkeypatch):
    monkeypatch.setattr(corpora, "ROOT", tmp_path / "project")  # nothing lies beside it
    monkeypatch.delenv("ATTENTION_ATLAS_WIKITEXT", raising=False)
    folder = tmp_path / "wikitext"
    folder.mkdir()
    for name in ("train", "test", "valid"):
        (folder / f"{name}.txt").write_text(f" = {name} = \n \n a <unk> . \n")
    return folder


def test_the_standard_library_of_here_is_of_the_size_the_book_says_and_has_no_tests():
    found, files = text("standard-library"), corpora.sources("standard-library")
    assert 5e6 < len(found.train) < 14e6
    assert 0.05 < len(found.validation) / len(found.train) < 0.2
    assert {"abc.py", "json/decoder.py"} <= set(files)
    assert not any(part in ("test", "tests", "site-packages") for name in files for part in name.split("/"))
    assert platform.python_version() in found.origin


def test_every_file_is_in_one_part_whole(library):
    found = text("standard-library", library)
    train, validation = (set(part.split(END_OF_FILE)[:-1]) for part in found[:2])
    assert train | validation == set(MODULES.values())
    assert not train & validation
    expected = {c for n, c in MODULES.items() if int(hashlib.sha256(n.encode()).hexdigest(), 16) % 10 == 0}
    assert validation == expected
    assert expected  # or else the line above says nothing


def test_a_new_file_moves_no_other_one(library):
    before = text("standard-library", library)
    (library / "another.py").write_text("another = True\n")
    after = text("standard-library", library)
    for part, longer in zip(before[:2], after[:2], strict=True):
        assert longer.replace("another = True\n" + END_OF_FILE, "") == part
    assert before != after


@pytest.mark.parametrize(
    "name",
    ["test/a.py", "json/tests/a.py", "site-packages/a.py", "_sysconfigdata_linux.py", "config-3/a.py", "note.txt"],
)
def test_what_is_no_text_of_the_library_is_left_out(library, name):
    before = text("standard-library", library)
    (library / name).parent.mkdir(exist_ok=True, parents=True)
    (library / name).write_text("left_out = True\n")
    assert text("standard-library", library) == before


def test_a_file_that_is_no_utf8_is_read_all_the_same(library):
    (library / "latin.py").write_bytes("é = 1\n".encode("latin-1"))
    assert "\ufffd = 1" in "".join(text("standard-library", library))


def test_zen_is_what_python_prints_and_reading_it_prints_nothing(capsys):
    sys.modules.pop("this", None)
    zen = text("zen")
    assert zen.train == zen.validation
    assert capsys.readouterr().out == ""
    import this  # noqa: F401

    assert capsys.readouterr().out == zen.train + "\n"


@pytest.mark.parametrize("by", ["argument", "environment", "neighbour"])
def test_wikitext_is_found_and_trained_on_train_where_there_is_one(wikitext, monkeypatch, by):
    if by == "environment":
        monkeypatch.setenv("ATTENTION_ATLAS_WIKITEXT", str(wikitext))
    if by == "neighbour":
        monkeypatch.setattr(corpora, "ROOT", wikitext / "project")
        (wikitext / "shared" / "data").mkdir(parents=True)
        (wikitext / "shared" / "data" / "wikitext-2").symlink_to(wikitext)
    folder = wikitext if by == "argument" else None
    assert text("wikitext-2", folder)[:2] == (" = train = \n \n a <unk> . \n", " = valid = \n \n a <unk> . \n")
    (wikitext / "train.txt").unlink()
    found = text("wikitext-2", folder)
    assert found.train.startswith(" = test =")
    assert "trained on test.txt, validated on valid.txt" in found.origin


def hugging_face(monkeypatch, load):
    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load))


def test_wikitext_of_hugging_face_is_the_text_of_the_files(wikitext, monkeypatch):
    rows = {
        part: {"text": [f" = {name} = \n", "", " a <unk> . \n"]}
        for part, name in [("train", "train"), ("validation", "valid")]
    }
    hugging_face(monkeypatch, lambda *which: rows if which == ("Salesforce/wikitext", "wikitext-2-v1") else None)
    assert text("wikitext-2")[:2] == text("wikitext-2", wikitext)[:2]


def test_without_a_folder_and_a_network_one_line_says_what_helps(wikitext, monkeypatch):
    def load(*which):
        raise ConnectionError("no route to host\nand much more")

    hugging_face(monkeypatch, load)
    with pytest.raises(
        FileNotFoundError, match=r"fetched \(no route to host\); allowed: ATTENTION_ATLAS_WIKITEXT="
    ) as error:
        text("wikitext-2")
    assert "\n" not in str(error.value)


def test_without_a_folder_and_the_package_one_line_says_what_helps(wikitext, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        FileNotFoundError, match=r"no package datasets to fetch it; allowed: ATTENTION_ATLAS_WIKITEXT=.*\[language\]"
    ):
        text("wikitext-2")


def test_a_folder_that_is_asked_for_and_does_not_have_it_is_no_reason_to_take_another(wikitext, monkeypatch):
    hugging_face(monkeypatch, lambda *which: pytest.fail("the network was asked"))
    (wikitext / "valid.txt").unlink()
    with pytest.raises(FileNotFoundError, match=f"no WikiText-2 in {wikitext}; allowed"):
        text("wikitext-2", wikitext)


@pytest.mark.parametrize(("name", "line"), [("zen", "got no file"), ("standard-library", "no Python files")])
def test_a_folder_without_sources_is_refused(tmp_path, name, line):
    with pytest.raises(FileNotFoundError, match=line):
        text(name, tmp_path)


def test_an_empty_text_is_refused(wikitext):
    (wikitext / "valid.txt").write_text(" \n")
    with pytest.raises(ValueError, match="validation text of wikitext-2 is empty"):
        text("wikitext-2", wikitext)


@pytest.mark.parametrize("function", [text, corpora.sources, corpora.difference])
def test_an_unknown_name_is_refused_with_the_known_ones(function):
    with pytest.raises(ValueError, match="'ulysses'; allowed: standard-library, wikitext-2, zen"):
        function("ulysses")


@pytest.mark.parametrize(
    ("source", "language"),
    [
        pytest.param("x = 1\n", "", id="code"),
        pytest.param("x = 1  # one\n", "# one", id="a comment"),
        pytest.param("x = 'one' + y\n", "'one'", id="a string"),
        pytest.param('def f():\n    """Give\n    one."""\n', '"""Give\n    one."""', id="over two lines"),
        pytest.param("é = 'ü'  # ö\n", "'ü'# ö", id="letters of two bytes"),
        pytest.param("a = 1\f\n\f# b\n", "# b", id="a form feed ends no line"),
        pytest.param(f"a  # b\n{END_OF_FILE}# c\nd\n{END_OF_FILE}", "# b# c", id="two files"),
        pytest.param(f"a  # b\n) (\n'c{END_OF_FILE}d  # e\n{END_OF_FILE}", "# b# e", id="the second file of a bad one"),
        pytest.param("# a\nx = '''b\n", "# a", id="what is cut is code"),
        pytest.param("# a\r\nx = 'b'\r\n", "# a'b'", id="lines of Windows"),
    ],
)
def test_comments_and_strings_are_natural_language(source, language):
    marked = natural_language(source)
    assert marked.shape == (len(source),)
    assert "".join(np.array(list(source))[marked]) == language


@pytest.fixture
def recorded(library, monkeypatch):
    monkeypatch.setattr(corpora, "MANIFEST", library / "corpora.json")
    kept = {"python": "3.0.0", "files": corpora.hashes("standard-library", library), "digests": {}}
    corpora.MANIFEST.write_text(json.dumps({"standard-library": kept}))
    return library


def test_the_same_files_do_not_differ(recorded):
    assert corpora.difference("standard-library", recorded) == ""


def test_what_differs_from_the_recorded_files_is_counted(recorded):
    for name in ("module1.py", "module2.py", "module3.py"):
        (recorded / name).write_text("changed = True\n")
    for name in ("module4.py", "module5.py"):
        (recorded / name).unlink()
    (recorded / "new.py").write_text("new = True\n")
    line = corpora.difference("standard-library", recorded)
    assert line.startswith("standard-library: 3 files differ, 1 are new, 2 are missing")
    assert line.endswith(f"(here Python {platform.python_version()}, recorded with 3.0.0)")


def test_nothing_recorded_is_told(recorded):
    assert corpora.difference("zen") == "zen: nothing is recorded in corpora.json"
    corpora.MANIFEST.unlink()
    assert corpora.manifest() == {}


def test_a_damaged_manifest_is_refused(recorded):
    corpora.MANIFEST.write_text("{")
    with pytest.raises(ValueError, match=r"corpora.json is no JSON; record it anew"):
        corpora.manifest()


def test_the_manifest_of_the_project_is_small_and_knows_every_corpus():
    assert corpora.MANIFEST.stat().st_size < 60_000
    assert set(corpora.manifest()) == set(corpora.NAMES)
