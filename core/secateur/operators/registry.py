"""Which rule an operation has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from secateur.errors import NetworkError
from secateur.network.atoms import Made
from secateur.network.run import Op
from secateur.operators import contraction, norm  # noqa: F401 (their rules are registered)
from secateur.operators.elements import (
    ALSO_POINTWISE,
    CREATED,
    SPATIAL,
    created,
    like,
    pointwise,
    spatial,
)
from secateur.operators.flow import Flow
from secateur.operators.move import is_move, move
from secateur.operators.rule import RULES, OperatorRule
from secateur.stages import OPERATORS, Entry, list_stages, load_stage


@cache
def load_rules() -> dict[str, OperatorRule]:
    """Rules by entry point, by the operation's name.

    Raises:
        NetworkError: one cannot be loaded, or two are of the same operation.
    """
    found: dict[str, OperatorRule] = {}
    for entry in list_stages(OPERATORS):
        own, names = _rule(entry)
        for name in names:
            if name in found:
                raise NetworkError(
                    f"two rules are of the operation {name!r}", remedy="uninstall one of them"
                )
            found[name] = own
    return found


def _rule(entry: Entry) -> tuple[OperatorRule, frozenset[str]]:
    """A stranger's rule, and the operations that it is of."""
    loaded: Any = load_stage(OPERATORS, entry.name)
    try:
        own = loaded() if isinstance(loaded, type) else loaded
        names = frozenset(own.ops)
        if not callable(own.flow) or not all(isinstance(name, str) for name in names):
            raise TypeError("`ops` are names, and `flow` is a method")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a stranger's package raises
        raise NetworkError(
            f"the {entry.told(OPERATORS)} ({entry.target}) cannot be used: "
            f"{type(error).__name__}: {error}",
            remedy="mend or uninstall the package that declares it",
        ) from error
    return own, names


_REGISTERED: dict[str, OperatorRule] = {}


@contextmanager
def registered(own: OperatorRule) -> Iterator[None]:
    """Inside, a rule counts as if its package were installed, before all others.

    Arguments:
        own: the rule.
    """
    before = dict(_REGISTERED)
    _REGISTERED.update(dict.fromkeys(own.ops, own))
    try:
        yield
    finally:
        _REGISTERED.clear()
        _REGISTERED.update(before)


def flow_of(op: Op, flow: Flow, literal: bool = False) -> None:
    """Say what the outputs of an operation are made of.

    Arguments:
        op: that has run.
        flow: written to.
        literal: it cuts at numbers written in code.
    """
    if not op.outs:
        return
    name = op.name
    strangers = {**load_rules(), **_REGISTERED} if _REGISTERED else load_rules()
    own = strangers.get(name) or strangers.get(str(op.func).rsplit(".", 1)[0].replace(".", "::"))
    if own is not None:
        own.flow(op, flow)
    elif name in CREATED:
        created(op, flow)
    elif name.endswith("_like"):
        like(op, flow)
    elif not any(flow.atoms.of(t).at or flow.atoms.of(t).free for t in op.ins):
        if name in ("expand", "expand_copy"):
            move(op, flow, literal)
    elif name in RULES:
        RULES[name](op, flow)
    elif is_move(op):
        move(op, flow, literal)
    elif op.pointwise or name in ALSO_POINTWISE:
        pointwise(op, flow)
    elif name.startswith(SPATIAL):
        spatial(op, flow)
    else:
        flow.opaque(op)
    for out in op.outs:
        if flow.atoms.of(out).exits and len(flow.atoms.of(out).exits) > 8:
            made = flow.atoms.of(out)
            flow.atoms.give(out, Made(made.at, made.free, made.summed, made.exits[-8:]))
