"""The site: every module has a place in it, links lead somewhere, and pages fit a telephone."""

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
def test_every_page_fits_a_telephone(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    paths = [
        p for p in SITE.rglob("*.html") if "_modules" not in p.parts and p.name != "search.html"
    ]
    assert len(paths) > 15
    for path in sorted(paths):
        name = path.relative_to(SITE).as_posix()
        page.goto(f"{address}/{name}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{name} is {wide} wide"
    assert problems == []
