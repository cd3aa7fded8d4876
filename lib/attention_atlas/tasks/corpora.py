"""Real texts: the running interpreter's standard library, WikiText-2, and the Zen of Python for canaries.

No text is part of the project. ``data/corpora.json`` keeps which files stored results were computed from, as hashes,
so that a reader whose files differ is told so.
"""

import ast
import codecs
import io
import json
import os
import platform
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from attention_atlas.files import ROOT, digest

NAMES = ("standard-library", "wikitext-2", "zen")
MANIFEST = ROOT / "data" / "corpora.json"
END_OF_FILE = "\x1c"  # ASCII's own separator of files; no source file holds it
WIKITEXT_FOLDER = "ATTENTION_ATLAS_WIKITEXT"

# Test suites, foreign packages, tables that machines wrote, and what distributions leave out or fill in on their own.
LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo"}
LEFT_OUT |= {"ensurepip", "encodings", "pydoc_data", "lib-dynload", "__phello__", "__pycache__", "sitecustomize.py"}
PLATFORM = ("_sysconfigdata", "_sysconfig_vars", "config-")


class Text(NamedTuple):
    """A text in two parts: ``origin`` says in a line where they come from."""

    train: str
    validation: str
    origin: str


def check_name(name: str) -> None:
    """Refuse a corpus that is not one of `NAMES`.

    Raises
    ------
    ValueError
        In one line.
    """
    if name not in NAMES:
        raise ValueError(f"unknown corpus {name!r}; allowed: {', '.join(NAMES)}")


def text(name: str, folder: Path | None = None) -> Text:
    """The text of a corpus, read from this machine.

    Parameters
    ----------
    name : {"standard-library", "wikitext-2", "zen"}
        Which. "standard-library": every Python file of the running interpreter's library but test suites and tables,
        in an order that only their names decide; one file in ten is for validation. "zen": the Zen of Python, in
        both parts the same.
    folder : Path, optional
        Where its files lie, if not where they are looked for: the interpreter's library; for WikiText-2 the folder
        that the environment variable ``ATTENTION_ATLAS_WIKITEXT`` names, or ``../shared/data/wikitext-2`` beside the
        project, or else the Hugging Face library ``datasets``. Without ``train.txt`` WikiText-2 is trained on
        ``test.txt``.

    Returns
    -------
    Text
        Neither part is empty.

    Raises
    ------
    ValueError
        If the name is unknown or a part of the text is empty.
    FileNotFoundError
        If the files are not there and cannot be had.

    Examples
    --------
    >>> text("zen").train.splitlines()[2]
    'Beautiful is better than ugly.'
    """
    check_name(name)
    if name == "zen":
        poem = _zen(_library(folder) / "this.py")
        found = Text(poem, poem, "the Zen of Python")
    elif name == "wikitext-2":
        found = _wikitext(folder)
    else:
        found = _standard_library(_library(folder))
    for part in ("train", "validation"):
        if not getattr(found, part).strip():
            raise ValueError(f"the {part} text of {name} is empty ({found.origin})")
    return found


def sources(name: str, folder: Path | None = None) -> dict[str, Path]:
    """Files that a corpus is read from, by their names in the manifest, in order of name.

    Parameters
    ----------
    name, folder
        As of :func:`text`.

    Returns
    -------
    dict
        For WikiText-2 empty where no folder has it.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> list(sources("zen"))
    ['this.py']
    """
    check_name(name)
    if name == "wikitext-2":
        place = _wikitext_folder(folder)
        train = [part for part in ("train.txt", "test.txt") if place and (place / part).is_file()][:1]
        complete = train and (place / "valid.txt").is_file()
        return {part: place / part for part in (*train, "valid.txt")} if complete else {}
    library = _library(folder)
    if name == "zen":
        return {"this.py": library / "this.py"}
    found = {}
    for place, folders, names in os.walk(library):
        folders[:] = [part for part in folders if part not in LEFT_OUT and not part.startswith(PLATFORM)]
        for part in names:
            if part.endswith(".py") and part not in LEFT_OUT and not part.startswith(PLATFORM):
                found[Path(place, part).relative_to(library).as_posix()] = Path(place, part)
    return dict(sorted(found.items()))


def _library(folder: Path | None) -> Path:
    return Path(folder or sysconfig.get_paths()["stdlib"])


def _standard_library(library: Path) -> Text:
    files = sources("standard-library", library)
    if not files:
        raise FileNotFoundError(f"no Python files of the standard library in {library}; allowed: its source folder")
    parts: tuple[list[str], list[str]] = [], []
    # By the hash of its name a file keeps its part and its place whatever else a version of Python holds; and the
    # beginning of either part is a fair sample of it.
    for hashed, name in sorted((digest(name.encode()), name) for name in files):
        parts[int(hashed, 16) % 10 == 0].append(files[name].read_bytes().decode("utf-8", "replace") + END_OF_FILE)
    origin = f"standard library of Python {platform.python_version()}, {len(files)} files"
    return Text("".join(parts[0]), "".join(parts[1]), origin)


def _zen(path: Path) -> str:
    # Importing the module would print it.
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"zen is read from this.py of the standard library, got no file {path}") from error
    first = next(node for node in tree.body if isinstance(node, ast.Assign))
    return codecs.decode(ast.literal_eval(first.value), "rot13")


def _wikitext_folder(folder: Path | None) -> Path | None:
    named = folder or os.environ.get(WIKITEXT_FOLDER)
    beside = ROOT.parent / "shared" / "data" / "wikitext-2"
    return Path(named) if named else beside if (beside / "valid.txt").is_file() else None


def _wikitext(folder: Path | None) -> Text:
    files, place = sources("wikitext-2", folder), _wikitext_folder(folder)
    if files:
        train, validation = (path.read_text(encoding="utf-8") for path in files.values())
        return Text(train, validation, f"WikiText-2, trained on {next(iter(files))}, validated on valid.txt")
    allowed = f"allowed: {WIKITEXT_FOLDER}=FOLDER with valid.txt and train.txt or test.txt"
    if place:  # asked for by name: another text would be a surprise
        raise FileNotFoundError(f"no WikiText-2 in {place}; {allowed}")
    try:
        import datasets
    except ImportError as error:
        raise FileNotFoundError(
            f"no folder with WikiText-2, and no package datasets to fetch it; {allowed}, or "
            "pip install 'attention-atlas[language]'"
        ) from error
    try:
        both = datasets.load_dataset("Salesforce/wikitext", "wikitext-2-v1")
    except Exception as error:  # of many libraries, when there is no network
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileNotFoundError(f"WikiText-2 could not be fetched ({reason}); {allowed}") from error
    # There an empty line is "", in the files it is a space and the line's end.
    train, validation = ("".join(row or " \n" for row in both[part]["text"]) for part in ("train", "validation"))
    return Text(train, validation, "WikiText-2 of Hugging Face, trained on train, validated on validation")


def natural_language(source: str) -> np.ndarray:
    """Which characters of Python files are comments, docstrings or other strings.

    Parameters
    ----------
    source : str
        Files, each ended by `END_OF_FILE`; the last may be cut.

    Returns
    -------
    (character,)
        Booleans. From where a file is no valid Python on, all is code.

    Examples
    --------
    >>> natural_language("x = 1  # one").astype(int)
    array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    """
    language = np.zeros(len(source), bool)
    offset = 0
    for file in source.split(END_OF_FILE):
        for start, end in _language_spans(file):
            language[offset + start : offset + end] = True
        offset += len(file) + 1
    return language


def _language_spans(file: str) -> Iterator[tuple[int, int]]:
    # A line ends where Python's tokenizer says, and str.splitlines would end it at form feeds as well.
    starts = np.cumsum([0, *map(len, io.StringIO(file, newline=""))])
    try:
        for token in tokenize.generate_tokens(io.StringIO(file, newline="").readline):
            kind = tokenize.tok_name[token.type]
            if kind in ("COMMENT", "STRING") or kind.startswith("FSTRING"):
                yield starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1]
    except (tokenize.TokenError, SyntaxError):  # what was found before stands
        return


def manifest() -> dict:
    """What was recorded about the corpora of the stored results.

    Returns
    -------
    dict
        By corpus: ``python`` (a version), ``files`` (name: the first 16 hexadecimal digits of its SHA-256) and
        ``digests`` of encoded corpora (see :func:`~.language.recorded`). Empty where nothing was recorded.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    try:
        return json.loads(MANIFEST.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{MANIFEST} is no JSON; record it anew") from error


def hashes(name: str, folder: Path | None = None) -> dict[str, str]:
    """The first 16 hexadecimal digits of the SHA-256 of every file of a corpus.

    Parameters
    ----------
    name, folder
        As of :func:`text`.
    """
    return {part: digest(path.read_bytes())[:16] for part, path in sources(name, folder).items()}


def difference(name: str, folder: Path | None = None) -> str:
    """How the files of a corpus here differ from those of the stored results, in one line.

    Parameters
    ----------
    name, folder
        As of :func:`text`.

    Returns
    -------
    str
        Empty if they are the same.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    here, kept = hashes(name, folder), manifest().get(name)
    if not kept:
        return f"{name}: nothing is recorded in {MANIFEST.name}"
    before = kept["files"]
    changed = sum(here[part] != before[part] for part in here.keys() & before.keys())
    new, gone = len(here.keys() - before.keys()), len(before.keys() - here.keys())
    if not (changed or new or gone):
        return ""
    versions = f"here Python {platform.python_version()}, recorded with {kept['python']}"
    return f"{name}: {changed} files differ, {new} are new, {gone} are missing ({versions})"
