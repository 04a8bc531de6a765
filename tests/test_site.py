"""The site: every module has its place, links lead somewhere, pages fit a telephone and need no
other server."""

import itertools
import re
import runpy
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SITE, DOCS = ROOT / "site", ROOT / "docs"
faults = runpy.run_path(str(DOCS / "check_links.py"))["faults"]


def test_the_reference_has_every_module_once():
    told = [
        name
        for page in DOCS.glob("api/*.md")
        for name in re.findall(r"automodule:: (\S+)", page.read_text("utf-8"))
    ]
    modules = {
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for path in (ROOT / "aalprivacy").rglob("*.py")
    }
    assert sorted(told) == sorted(modules - {"aalprivacy", "aalprivacy.__main__"})


def test_what_leads_nowhere_is_found(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "index.html").write_text('<p id="here"><img src="../a.png" alt="">')
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "a.html").write_text(
        '<a href="below/#here"></a><a href="below/index.html#there"></a><a href="#top"></a>'
        '<a href="https://example.org/nowhere"></a><a href="gone%20away.html"></a>'
        '<img src="a.png" alt="A picture"><a href="a.png#x"></a>'
    )
    assert faults(tmp_path) == [
        "a.html: below/index.html#there leads to no place of that page",
        "a.html: gone%20away.html leads nowhere",
        "below/index.html: a picture without alternative text, ../a.png",
    ]


def test_what_comes_from_another_server_is_found(tmp_path):
    (tmp_path / "own.js").write_text("")
    (tmp_path / "a.html").write_text(
        '<link rel="stylesheet" href="https://example.org/a.css"><script src="//example.org/b.js">'
        '</script><script src="own.js"></script><a href="https://example.org/c">c</a>'
        '<img src="data:image/png;base64,AAAA" alt="A picture">'
    )
    assert faults(tmp_path) == [
        "a.html: loads https://example.org/a.css from another server",
        "a.html: loads //example.org/b.js from another server",
    ]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *about):
        """Say nothing of what was asked for."""


@pytest.fixture(scope="module")
def address():
    """Where the built site is served; its search needs a server."""
    if not (SITE / "index.html").is_file():
        pytest.skip("no site (make site)")
    handler = partial(Quiet, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.slow
def test_the_search_finds_what_is_called_as_asked(browser, address):
    page = browser.new_page()
    for asked, first in {
        "train": "aalprivacy.runs.train",
        "simulate": "aalprivacy.homes.simulate",
    }.items():
        page.goto(f"{address}/search.html?q={asked}")
        page.wait_for_selector("#search-results li")
        assert page.inner_text("#search-results li >> nth=0").startswith(first)


@pytest.mark.slow
def test_every_page_fits_a_telephone_and_loads_nothing_from_outside(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    problems, outside = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))

    def refuse(route):
        outside.append(f"{page.url} loads {route.request.url}")
        route.abort()

    page.route(lambda url: not url.startswith(address), refuse)
    paths = [
        p for p in SITE.rglob("*.html") if "_modules" not in p.parts and p.name != "search.html"
    ]
    assert len(paths) > 15
    for path in sorted(paths):
        name = path.relative_to(SITE).as_posix()
        page.goto(f"{address}/{name}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{name} is {wide} wide"
    assert problems == outside == []


@pytest.mark.slow
def test_formulas_are_shown_without_a_program(browser, address):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{address}/notebooks/02_model_and_training.html")
    (cell,) = page.locator("math", has_text="input gate").all()
    rows = [cell.locator("mtr").nth(n).bounding_box() for n in range(6)]
    assert all(a["y"] + a["height"] <= b["y"] + 1 for a, b in itertools.pairwise(rows))
    assert "⊙" in cell.text_content()
    assert "odot" not in page.inner_text("article")
