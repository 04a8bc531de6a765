"""The site: README, notebooks as they were run, and the reference. `make site` builds it."""

import importlib.metadata
import shutil
from pathlib import Path

from aalprivacy import page

here = Path(__file__).parent
# Sphinx takes its pages from one folder only.
shutil.rmtree(here / "notebooks", ignore_errors=True)
shutil.copytree(here.parent / "notebooks", here / "notebooks",
                ignore=shutil.ignore_patterns(".ipynb_checkpoints"))  # fmt: skip
shutil.rmtree(here / "_extra", ignore_errors=True)
page.main(here / "_extra" / "live")

project = "aalprivacy"
author = "The aalprivacy authors"
version = release = importlib.metadata.version("aalprivacy")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "_extra"]
html_extra_path = ["_extra"]  # the live page, as it is
nb_execution_mode = "off"  # as committed
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
suppress_warnings = ["mystnb.unknown_mime_type"]

autodoc_typehints = "none"  # they are in the signatures
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
add_module_names = False

html_theme = "furo"
html_title = "aalprivacy"
html_show_sphinx = False
