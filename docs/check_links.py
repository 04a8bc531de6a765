"""Check that web pages work from their folder alone, without a network.

``python docs/check_links.py site`` prints each link that leads nowhere, each picture without a text
and each thing that a page loads from another server. It fails if there is one. Links to other sites
aren't followed.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """A page's links, what it loads, the places that links can name, pictures without a text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.names: set[str] = {"", "top"}  # a link with no fragment, and a page's beginning
        self.wordless: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        self.names |= {known[name] for name in ("id", "name") if known.get(name)}
        self.links += [known[name] for name in ("href", "src") if known.get(name)]
        loads = ("src", "href") if tag == "link" else ("src",)
        self.loaded += [known[name] for name in loads if known.get(name)]
        if tag == "img" and not known.get("alt"):
            self.wordless.append(f"a picture without alternative text, {known.get('src')[:60]}")


def faults(folder: Path) -> list[str]:
    """What is wrong, one line each: the page, and what in it."""
    folder = folder.resolve()
    pages = {path: Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        found += [(path, fault) for fault in page.wordless]
        elsewhere = [link for link in page.loaded if urlsplit(link).netloc]
        found += [(path, f"loads {link} from another server") for link in elsewhere]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                found.append((path, f"{link} leads nowhere"))
            elif target in pages and unquote(parts.fragment or "") not in pages[target].names:
                found.append((path, f"{link} leads to no place of that page"))
    return [f"{path.relative_to(folder)}: {fault}" for path, fault in dict.fromkeys(found)]


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1]))
    print("\n".join(wrong))
    sys.exit(bool(wrong))
