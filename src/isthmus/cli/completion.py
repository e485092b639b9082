"""The command `completion`: what a shell has to know to complete commands and options.

The script holds all of it, so that nothing is started when the Tab key is pressed.
"""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer

Words = dict[str, list[str]]
"""Command to what may follow it."""
SHELLS = ("bash", "zsh", "fish")
Shell = Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]

BASH = """_isthmus() {{
    local cur="${{COMP_WORDS[COMP_CWORD]}}" verb="${{COMP_WORDS[1]}}" words=""
    [[ $COMP_CWORD -gt 2 && "$verb" == fit ]] && verb="fit ${{COMP_WORDS[2]}}"
    [[ $COMP_CWORD -eq 1 ]] && verb=""
    case "$verb" in
{cases}
    esac
    COMPREPLY=()
    if [[ "$cur" == -* || "$verb" == "" || "$verb" == fit || "$verb" == help ]]; then
        COMPREPLY=( $(compgen -W "$words" -- "$cur") )
    fi
}}
complete -o default -F _isthmus isthmus
"""
ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


def completion(context: typer.Context, shell: Shell) -> None:
    """Print the script by which a shell completes commands, families and options."""
    from isthmus.validation import one_of

    one_of("SHELL", shell, SHELLS)
    known = words(context.find_root().command)
    script = fish(known) if shell == "fish" else ZSH * (shell == "zsh") + bash(known)
    typer.echo(script, nl=False)


def words(root: Any) -> dict[str, list[str]]:
    """Return what may follow a command: options, families of `fit`, or commands after ""."""
    from isthmus.cli.grammar import commands, options_of

    found = {
        name: [flag for option in options_of(command) for flag in option.spelled]
        for name, command in commands(root).items()
    }
    heads = list(dict.fromkeys(name.partition(" ")[0] for name in found))
    families = [name.removeprefix("fit ") for name in found if name.startswith("fit ")]
    return {"": [*heads, "help"], "help": heads, "fit": families} | found


def bash(known: Words) -> str:
    """Return the script for bash, which zsh understands too."""
    cases = [f'        "{name}") words="{" ".join(each)}" ;;' for name, each in known.items()]
    return BASH.format(cases="\n".join(cases))


def fish(known: Words) -> str:
    """Return the script for fish."""
    lines = [_fish("__fish_use_subcommand", f"-f -a {shlex.quote(' '.join(known['']))}")]
    for name, each in list(known.items())[1:]:
        seen = " && ".join(f"__fish_seen_subcommand_from {word}" for word in name.split())
        if name in ("fit", "help"):
            lines.append(_fish(seen, f"-f -a {shlex.quote(' '.join(each))}"))
        else:
            lines += [_fish(seen, _flag(flag)) for flag in each]
    return "\n".join(lines) + "\n"


def _flag(flag: str) -> str:
    return f"-l {flag[2:]}" if flag[:2] == "--" else f"-s {flag[1:]}"


def _fish(condition: str, what: str) -> str:
    return f"complete -c isthmus -n {shlex.quote(condition)} {what}"
