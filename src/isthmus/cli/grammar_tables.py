"""Tables of the page docs/command-line.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from isthmus.cli.grammar import EXCEPTIONS, FEWER, MEANINGS, Option, by_name, commands
from isthmus.cli.panels import OLD, OLD_EVERYWHERE, OLD_VALUES
from isthmus.cli.words import examples_of


def filled(text: str, root: Any) -> str:
    """Return the page with its tables anew: what stands between a mark and the next end."""
    for name, lines in tables(root).items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        text = "\n".join([before + mark + lines[0], *lines[1:], end + after])
    return text


def tables(root: Any) -> dict[str, list[str]]:
    """Return the lines of all tables of the page."""
    return {
        "options": _table("option | means | default | commands", _rows(root)),
        "exceptions": _table("option | why", [(f"`{k}`", why) for k, why in EXCEPTIONS.items()]),
        "fewer": _table("option | not for | why", _fewer()),
        "commands": _table("command | does | for example", _calls(root)),
        "old": _table("before | now", _old()),
    }


def _table(head: str, rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, "|".join(["---"] * (head.count("|") + 1))]
    lines += [" | ".join(each.replace("|", "\\|") for each in row) for row in rows]
    return [f"| {line} |" if "---" not in line else f"|{line}|" for line in lines]


def _rows(root: Any) -> Iterator[tuple[str, ...]]:
    """Yield the options that several commands have, those with one meaning of many first."""
    shared = {name: each for name, each in by_name(root).items() if len(_heads(each)) > 1}
    order = list(MEANINGS)
    for name in sorted(shared, key=lambda name: order.index(name) if name in order else 99):
        yield _row(name, shared[name], _heads(commands(root)))


def _fewer() -> Iterator[tuple[str, ...]]:
    for name, them in FEWER.items():
        for why in dict.fromkeys(them.values()):
            yield f"`{name}`", ", ".join(one for one in them if them[one] == why), why


def _heads(options: Mapping[str, Any]) -> list[str]:
    """Return the commands that have an option, all families as one."""
    return list(dict.fromkeys(name.partition(" ")[0] for name in options))


def _row(name: str, options: dict[str, Option], every: list[str]) -> tuple[str, ...]:
    first = next(iter(options.values()))
    own = (each for each in options.values() if each.names[0] == name)
    short = {flag: None for each in own for flag in each.flags if flag[1] != "-"}
    usual = "differs" if _differs(options) else _said(first)
    meaning = MEANINGS.get(name, first.help)
    return (
        ", ".join(f"`{each}`" for each in (name, *short)),
        meaning,
        usual,
        _where(_heads(options), every),
    )


def _where(heads: list[str], every: list[str]) -> str:
    """Return the commands that have an option, or those that have not if these are fewer."""
    few = [one for one in every if one not in heads]
    if not few:
        return "all"
    return ", ".join(heads) if len(few) > len(heads) else f"all but {', '.join(few)}"


def _differs(options: dict[str, Option]) -> bool:
    return len({repr(each.default) for each in options.values()}) > 1


def _said(option: Option) -> str:
    if option.kind == "flag":
        return "on" if option.default else "off"
    return "" if option.default is None else f"`{option.default}`"


def _old() -> Iterator[tuple[str, str]]:
    """Yield options as they were spelled, with their command, and as they are now."""
    for name, renamed in {"": OLD_EVERYWHERE, **OLD}.items():
        yield from (
            (f"`{name} {was}`".replace("` ", "`"), f"`{now}`") for was, now in renamed.items()
        )
    for name, others in OLD_VALUES.items():
        yield from ((f"`{name} {was}`", f"`{now}`") for was, (now, _) in others.items())


def _calls(root: Any) -> Iterator[tuple[str, ...]]:
    for name in _heads(commands(root)):
        caption = root.commands[name].help.partition("\n")[0]
        yield f"`{name}`", caption, f"`{examples_of(name)[-1]}`"
