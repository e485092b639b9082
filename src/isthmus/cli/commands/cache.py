"""The option `--cache` of `isthmus data`: what lies in the cache, and away with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import typer

from isthmus.cli.output import print_json, print_table


def look(*, clear: bool, as_json: bool) -> None:
    """Say what lies in the cache; delete it if it is to be cleared."""
    from isthmus.data.cache import cache_folder
    from isthmus.data.evict import cached, limit, remove

    root, most = cache_folder().parent, limit()
    there = cached(root)
    rows: list[dict[str, Any]] = [
        {
            "cached": held.name,
            "size": _said(held.nbytes),
            "last used": f"{datetime.fromtimestamp(held.used):%Y-%m-%d %H:%M}",
        }
        for held in there
    ]
    total = sum(map(remove, there)) if clear else sum(held.nbytes for held in there)
    if as_json:
        facts = {"folder": str(root), "bytes": total, "limit": most, "cleared": clear}
        names = [{"cached": held.name, "bytes": held.nbytes} for held in there]
        print_json(facts | {"entries": names})
        return
    if rows:
        print_table(rows)
    done = "cleared" if clear else f"of {_said(most)} (ISTHMUS_CACHE_LIMIT)"
    typer.echo(f"{root}: {len(rows)} entries, {_said(total)} {done}")


def _said(nbytes: int) -> str:
    return f"{nbytes / 2**20:,.1f} MiB"
