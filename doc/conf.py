"""How Sphinx builds these pages: offline, with a stock theme, no warning let pass."""

from __future__ import annotations

import logging
from importlib.metadata import version as installed_version

project = "muxs2s"
author = "the muxs2s authors"
copyright = "2026, the muxs2s authors"
release = version = installed_version("muxs2s")

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build", "examples"]

# The tables of contents give pages their order by patterns, and a pattern may stand for a page to come.
# Sphinx gives this warning no type, so `suppress_warnings` does not reach it.
logging.getLogger("sphinx.sphinx.directives.other").addFilter(
    lambda record: getattr(record, "subtype", None) != "empty_glob"
)

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

html_theme = "alabaster"
html_theme_options = {
    "description": "Many domains, few streams, each domain proven",
    "page_width": "1100px",
    "fixed_sidebar": True,
}
html_show_sourcelink = False
