"""The site: README, notebooks with outputs, report, live page, reference. `make site` builds it.

Sphinx takes its pages from one folder only, so pages from elsewhere are copied into this folder.
"""

import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from docutils.writers.html5_polyglot import HTMLTranslator

from aalprivacy import TABLE_I, apply_policy, page, plotting
from aalprivacy.homes import john

here = Path(__file__).parent
figures = here.parent / "figures"
LIVE_WIDGET = "application/vnd.jupyter.widget-view+json"


def copy_notebooks() -> None:
    """The notebooks, with links into this folder and no widgets.

    A site has no kernel, so a widget's table is shown in its place.
    """
    shutil.rmtree(here / "notebooks", ignore_errors=True)
    source = here.parent / "notebooks"
    for path in source.rglob("*.ipynb"):
        if ".ipynb_checkpoints" in path.parts:
            continue
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:
            cell.source = cell.source.replace("../docs/", "../")
            for output in cell.get("outputs", ()):
                output.get("data", {}).pop(LIVE_WIDGET, None)
        target = here / "notebooks" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


def copy_report() -> None:
    """The report as a page of the site, its headings as headings, its pictures beside it."""
    (here / "_extra" / "figures").mkdir(parents=True)
    for picture in figures.glob("*.svg"):
        shutil.copy(picture, here / "_extra" / "figures")
    content = (figures / "report.html").read_text("utf-8")
    (main,) = re.findall("<main>(.*)</main>", content, re.S)
    main = main.replace('<img src="', '<img src="figures/')
    style, *parts = re.split("<h([12])>(.*?)</h[12]>", main)
    parts[2] = style + parts[2]
    text = ""
    for level, title, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        text += f"{'#' * int(level)} {title}\n\n````{{raw}} html\n{body.strip()}\n````\n\n"
    (here / "report.md").write_text(text, "utf-8")


def write_commands() -> None:
    """Every command and its options, with the text of `--help`."""
    docs = [
        sys.executable,
        "-m",
        "typer",
        "aalprivacy.cli",
        "utils",
        "docs",
        "--name",
        "aalprivacy",
    ]
    text = subprocess.run(docs, check=True, capture_output=True, text=True).stdout
    (here / "command_line.md").write_text(
        text.replace("# `aalprivacy`", "# Command line", 1), "utf-8"
    )


def write_table() -> None:
    """One entry and its views as a table; README has a picture of it."""
    entry = john()
    views = {r: apply_policy(entry, TABLE_I, r).iloc[0] for r in TABLE_I.receivers}
    shown = plotting.view_page(entry.iloc[0], views, TABLE_I.schema)
    (here / "table_i.html").write_text(shown, "utf-8")


shutil.rmtree(here / "_extra", ignore_errors=True)
page.main(here / "_extra" / "live")
copy_notebooks()
copy_report()
write_commands()
write_table()

project = "aalprivacy"
author = "The aalprivacy authors"
version = release = importlib.metadata.version("aalprivacy")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "_extra"]
html_extra_path = ["_extra"]  # the live page and the report's pictures, copied unchanged
nb_execution_mode = "off"  # the committed outputs are shown
nb_render_markdown_format = "gfm"  # outputs of cells have tables
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"  # see write_mathml
suppress_warnings = ["mystnb.unknown_mime_type"]

autodoc_typehints = "none"  # they are in the signatures
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
add_module_names = False

html_theme = "furo"
html_title = "aalprivacy"
html_show_sphinx = False
html_show_sourcelink = html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_scorer = str(here / "_static" / "scorer.js")


def skip_aliases(app, what, name, member, skip, options):
    """Skip a named tuple's fields: its docstring explains them, "Alias for field" doesn't."""
    return skip or (getattr(member, "__doc__", "") or "").startswith("Alias for field number")


def into_the_site(app, page, source):
    """In the repository the notebooks are beside this folder; in the site they are inside it."""
    source[0] = source[0].replace("](../notebooks/", "](notebooks/")


def write_mathml(translator, node):
    """A formula as MathML, which browsers show by themselves: a page loads no program for it."""
    translator.math_output, translator.math_options = "mathml", ""
    HTMLTranslator.visit_math(translator, node)


def setup(app):
    both = (write_mathml, None), (write_mathml, HTMLTranslator.depart_math_block)
    app.add_html_math_renderer("mathml", *both)
    app.connect("autodoc-skip-member", skip_aliases)
    app.connect("source-read", into_the_site)
