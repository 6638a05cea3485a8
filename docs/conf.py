"""How Sphinx builds these pages: ``make docs``."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "netdemo"
author = "the netdemo contributors"
version = release = version_of("twisted_net")

extensions = ["myst_parser", "from_code"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"netdemo {release}"
html_show_copyright = False
