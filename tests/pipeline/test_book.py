"""Pages to book: warnings are errors, nothing is built for nothing, a failed build keeps the old book."""

import shutil

import pytest

from attention_atlas import files


@pytest.fixture
def book(project):
    """The small project with a book of one prose page and one executed page."""
    shutil.copy(files.ROOT / "_config.yml", project.root)
    folder = project.root / "book"
    shutil.copytree(files.ROOT / "book/_static", folder / "_static")
    (folder / "_extra").mkdir()
    (folder / "references.bib").write_text("")
    (folder / "index.md").write_text("# A book\n\nSee {doc}`/_executed/demo/uses_library`.\n")
    chapters = "  - file: _executed/demo/uses_library\n  - file: _executed/demo/uses_data\n"
    (project.root / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{chapters}")
    assert project.run("execute").returncode == 0
    return project


def built(project):
    run = project.run("build")
    return run.returncode, run.stdout + run.stderr


def test_builds_once_then_only_after_a_change_and_keeps_the_old_book_when_it_fails(book):
    page = book.root / "book/_build/html/index.html"
    assert built(book)[1].rstrip().endswith("book/_build/html/index.html: built") and page.exists()
    assert built(book) == (0, "book/_build/html/index.html: up to date\n")

    (book.root / "book/index.md").write_text("# A book\n\nA better sentence. {doc}`/_executed/demo/uses_library`\n")
    assert built(book)[0] == 0 and "A better sentence" in page.read_text()

    (book.root / "book/_static/atlas.css").write_text("/* another style */")
    assert built(book)[0] == 0 and "another style" in (page.parent / "_static/atlas.css").read_text()

    (book.root / "book/index.md").write_text("# A book\n\nSee {doc}`/nowhere`.\n")  # one warning
    status, said = built(book)
    assert status == 1 and "nowhere" in said and "the book did not build" in said
    assert "A better sentence" in page.read_text()
    assert built(book)[0] == 1  # and it is not forgotten


def test_launch_buttons_appear_with_an_address_and_open_the_published_notebook(book):
    assert built(book)[0] == 0
    page = book.root / "book/_build/html/_executed/demo/uses_library.html"
    assert "mybinder.org" not in page.read_text() and "colab" not in page.read_text()

    config = book.root / "_config.yml"
    config.write_text(config.read_text().replace('repository_url: ""', "repository_url: https://github.com/me/copy"))
    assert built(book)[0] == 0
    for host in ("https://mybinder.org/v2/gh/me/copy/gh-pages?urlpath=lab/tree/", "blob/gh-pages/"):
        assert f"{host}_sources/_executed/demo/uses_library.ipynb" in page.read_text()
    assert (book.root / "book/_build/html/_sources/_executed/demo/uses_library.ipynb").exists()
