"""Write the tables of docs/command-line.md anew: python tests/grammar_page.py."""

from pathlib import Path

from typer.main import get_command

from isthmus.cli.grammar_tables import filled
from isthmus.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "command-line.md"

if __name__ == "__main__":
    text = filled(PAGE.read_text(encoding="utf-8"), get_command(app))
    PAGE.write_text(text, encoding="utf-8")
