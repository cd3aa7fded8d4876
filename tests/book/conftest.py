"""The built book, a browser, and a page object that remembers everything that went wrong on the page."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

from attention_atlas import book

# Without these, Chromium itself calls home at every start.
QUIET = ("background-networking", "component-update", "sync", "gpu")

TYPESET = """async () => {
  if (!document.querySelector('.math')) return;
  const ready = () => window.MathJax && MathJax.startup && MathJax.startup.promise;
  while (!ready()) await new Promise(done => setTimeout(done, 20));
  await MathJax.startup.promise;
}"""


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built book."""
    if not (book.HTML / "index.html").exists():
        pytest.fail("there is no built book to look at: run make book (make test does)")
    return book.HTML


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        message = "the browser tests need Chromium: sudo apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--no-first-run", *(f"--disable-{what}" for what in QUIET)]
        )
        yield running
        running.close()


@pytest.fixture(scope="session")
def server(html):
    """The book's address over http, on a free port."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    serve = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=html))
    threading.Thread(target=serve.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serve.server_port}"
    serve.shutdown()


@pytest.fixture
def visit(browser, html, server):
    """``visit(page, over="file", mode="light", width=1280)`` opens a page; ``page.trouble`` lists what went wrong."""
    contexts = []

    def open_page(name: str, over: str = "file", mode: str = "light", width: int = 1280):
        root = html.as_uri() if over == "file" else server
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=mode)
        contexts.append(context)
        page = context.new_page()
        page.trouble, page.bytes = [], {}
        page.on("console", lambda m: page.trouble.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda error: page.trouble.append(f"script: {error}"))
        page.on("requestfailed", lambda request: page.trouble.append(f"failed: {request.url}"))
        page.on("request", lambda r: page.trouble.append(f"external: {r.url}") if not _inside(r.url, root) else None)
        page.on("response", lambda response: _weigh(page, response))
        page.goto(f"{root}/{name}")
        page.wait_for_load_state("load")
        page.evaluate(TYPESET)
        return page

    yield open_page
    for context in contexts:
        context.close()


def _inside(url: str, root: str) -> bool:
    return url.startswith((root, "data:", "blob:"))


def _weigh(page, response) -> None:
    if response.status >= 400:
        page.trouble.append(f"status {response.status}: {response.url}")
    elif response.url.startswith("http") and response.status == 200:
        page.bytes[response.url] = len(response.body())
