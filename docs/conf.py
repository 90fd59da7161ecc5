"""Sphinx's settings. What the pages of the specification show is made from `spec/` by `_specification.py`."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import _specification  # noqa: E402 - it stands beside this file

project = "Seaway"
author = "The Seaway authors"
release = version = version_of("seaway")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "examples/test_*", "examples/conftest.py"]
default_role = "code"  # docstrings name code in single backticks
autodoc_default_options = {"members": True, "member-order": "bysource", "inherited-members": False}
autodoc_typehints = "signature"
nitpicky = False
suppress_warnings = ["ref.python"]  # a name that two modules export is the same object

html_theme = "furo"
html_title = "Seaway"
html_static_path: list[str] = []


def setup(app: Sphinx) -> None:
    """Write the generated pages before the sources are read."""
    app.connect("builder-inited", lambda _: _specification.write(HERE.parent / "spec", HERE / "specification"))
