"""From atoms to channels: classes that leave together, in groups, with their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from torch import nn

from secateur.network.atoms import Ids
from secateur.network.channels import Channels, Group, Placed, Read, SizeAttribute, Slot
from secateur.network.costs import Costs, Index, Term
from secateur.network.provenance import Attribute
from secateur.network.ties import Ties
from secateur.operators.flow import Work

Numbered = Callable[[Ids], Index]
"""From atoms to the numbers of their channels, -1 where there is none."""

ONE_ONLY = "has one channel only"


def resolve(
    network: nn.Module,
    ties: Ties,
    *,
    ignored: tuple[str, ...] = (),
    refused: dict[int, str] | None = None,
    tied: bool = True,
    norm_over: str = "all",
    loose: bool = False,
    samples: int = 1,
) -> Channels:
    """The channels of a network.

    Arguments:
        network: that was run.
        ties: of the run.
        ignored: module paths whose channels stay.
        refused: atoms that stay for a reason that a trial found.
        tied: told in the result.
        norm_over: told in the result.
        loose: integers that only took part in an expression follow, too, where one value fits.
        samples: in the call that was run; costs are told for one.
    """
    atoms = ties.atoms
    members: dict[int, list[Slot]] = defaultdict(list)
    atom_of: dict[Slot, int] = {}
    for name, at in ties.slots.items():
        for dim, ids in at.items():
            roots = atoms.roots(ids)
            for k, (atom, root) in enumerate(zip(ids.tolist(), roots.tolist(), strict=True)):
                members[root].append((name, dim, k))
                atom_of[name, dim, k] = atom
    why = _reasons(ties, ignored, refused or {}, members, atom_of)
    makers = _makers(ties, members, atom_of)
    grouped: dict[tuple[tuple[str, int], ...], list[int]] = defaultdict(list)
    for root in makers:
        if root not in why:
            grouped[tuple(dict.fromkeys((n, d) for n, d, _ in members[root]))].append(root)
    stands: dict[str, str] = {}
    for root, reason in why.items():
        for slot in makers.get(root, ()):
            stands.setdefault(_path(slot[0]), reason)
    groups: list[Group] = []
    number: dict[int, int] = {}
    slots: list[tuple[Slot, ...]] = []
    made_by: list[tuple[Slot, ...]] = []
    order = sorted(
        grouped.items(), key=lambda item: min(_when(ties, makers[r], atom_of) for r in item[1])
    )
    taken: dict[tuple[str, int], str] = {}
    for key, own_roots in order:
        first = [makers[root][0] for root in own_roots]
        if len(own_roots) == 1:
            stands.setdefault(_path(first[0][0]), ONE_ONLY)
            continue
        pairs = sorted(
            zip(first, own_roots, strict=True),
            key=lambda pair: (pair[0][0] != first[0][0], pair[0][2]),
        )
        # channels of one layer may differ in what they are tied to: one group for each kind
        path = _unique(pairs[0][0], taken)
        tied_paths = tuple(
            dict.fromkeys(_path(slot[0]) for root in own_roots for slot in makers[root])
        )
        before = sum(group.path == path for group in groups)
        name = f"{path}#{before + 1}" if before else path
        numbers = tuple(slot[2] for slot, _ in pairs)
        groups.append(Group(path, len(slots), numbers, key, tied_paths, name))
        for _, root in pairs:
            number[root] = len(slots)
            slots.append(tuple(members[root]))
            made_by.append(tuple(makers[root]))
    streams: list[Index] = []
    placed: list[Placed] = []
    contributors: dict[int, set[int]] = defaultdict(set)
    for place in ties.places:
        own = atoms.roots(place.ids)
        for a, s in zip(own.tolist(), atoms.roots(place.stream).tolist(), strict=True):
            contributors[s].add(number.get(a, -1))
    for root, parts in contributors.items():
        if -1 not in parts and root not in why:
            number[root] = len(slots) + len(streams)
            streams.append(np.array(sorted(parts), dtype=np.int64))

    def numbered(ids: Ids) -> Index:
        return np.array([number.get(r, -1) for r in atoms.roots(ids).tolist()], dtype=np.int64)

    for place in ties.places:
        placed.append(Placed(place.path, place.dim, numbered(place.ids), numbered(place.stream)))
    index: dict[str, dict[int, Index]] = {}
    for name, at in ties.slots.items():
        own_index = {dim: numbered(ids) for dim, ids in at.items()}
        own_index = {dim: ids for dim, ids in own_index.items() if (ids >= 0).any()}
        if own_index:
            index[name] = own_index
    for name in ties.untouched:
        stands.setdefault(
            _path(name), "is not reached by forward on the calibration data: it stays as it is"
        )
    pruned = {path for group in groups for path in group.tied}
    for name, parameter in network.named_parameters():
        if name.endswith(".weight") and parameter.ndim > 1 and 1 in parameter.shape[:2]:
            stands.setdefault(_path(name), ONE_ONLY)
    events = [
        [
            Read(e.op, e.operand, e.dim, numbered(e.ids), ties.owners[e.op], ties.names[e.op])
            for e in found
        ]
        for found in (ties.reads, ties.stats)
    ]
    reads, stats = (tuple(e for e in found if (e.channel >= 0).any()) for found in events)
    return Channels(
        groups=tuple(groups),
        slots=tuple(slots),
        makers=tuple(made_by),
        index=index,
        reads=reads,
        stats=stats,
        placed=tuple(placed),
        streams=tuple(streams),
        attributes=_attributes(network, ties, numbered, loose),
        costs=_costs(network, ties, index, numbered, samples),
        stands=tuple((path, reason) for path, reason in stands.items() if path not in pruned),
        names=tuple(ties.names),
        tied=tied,
        norm_over=norm_over,
        details={"folds": dict(ties.folds)},
    )


def _reasons(
    ties: Ties,
    ignored: tuple[str, ...],
    refused: dict[int, str],
    members: dict[int, list[Slot]],
    atom_of: dict[Slot, int],
) -> dict[int, str]:
    """Why a class stays, by its root."""
    atoms = ties.atoms
    why: dict[int, str] = {}
    for found in (ties.atoms.pins, refused):
        if found:
            keys = np.array(list(found), dtype=np.int64)
            for root, reason in zip(atoms.roots(keys).tolist(), found.values(), strict=True):
                why.setdefault(root, reason)
    if ignored:
        for root, slots in members.items():
            for slot in slots:
                name = slot[0]
                inside = any(name == p or name.startswith(p + ".") for p in ignored)
                if inside and atom_of[slot] in ties.made:
                    why[root] = "ignored, as asked"
    return why


def _makers(
    ties: Ties, members: dict[int, list[Slot]], atom_of: dict[Slot, int]
) -> dict[int, list[Slot]]:
    """The slots that make each class, in the order of the run."""
    made = np.array(list(ties.made), dtype=np.int64)
    roots = dict.fromkeys(ties.atoms.roots(made).tolist()) if len(made) else {}
    found: dict[int, list[Slot]] = {}
    for root in roots:
        own = [slot for slot in members.get(root, ()) if atom_of[slot] in ties.made]
        if own:
            found[root] = sorted(own, key=lambda slot: ties.made[atom_of[slot]])
    return found


def _when(ties: Ties, makers: list[Slot], atom_of: dict[Slot, int]) -> int:
    return ties.made[atom_of[makers[0]]]


def _path(parameter: str) -> str:
    """The module that a parameter is the weight of; the parameter itself if it has another name."""
    for suffix in (".weight", ".in_proj_weight"):
        if parameter.endswith(suffix):
            return parameter.removesuffix(suffix)
    return parameter


def _unique(slot: Slot, taken: dict[tuple[str, int], str]) -> str:
    """The name of a slot's parameter; with its dimension where another one makes channels, too."""
    path = _path(slot[0])
    names = {other: name for other, name in taken.items() if name == path and other != slot[:2]}
    if names:
        path = f"{path}[{slot[1]}]"
    taken.setdefault((slot[0], slot[1]), path)
    return path


def _attributes(
    network: nn.Module, ties: Ties, numbered: Numbered, loose: bool
) -> tuple[SizeAttribute, ...]:
    found = []
    for attribute in ties.attributes:
        if attribute.sure:
            channel = numbered(np.array(attribute.ids, dtype=np.int64))
            if (channel >= 0).any():
                found.append(
                    SizeAttribute(attribute.path, attribute.name, attribute.index, channel)
                )
        elif loose:
            guessed = _guess(network, ties, attribute, numbered)
            if guessed is not None:
                found.append(
                    SizeAttribute(attribute.path, attribute.name, attribute.index, guessed)
                )
    return tuple(found)


def _guess(
    network: nn.Module, ties: Ties, attribute: Attribute, numbered: Numbered
) -> Index | None:
    """The one size of the module's own parameters with this value, in positions or in channels."""
    path = attribute.path
    value = getattr(network.get_submodule(path), attribute.name)
    if attribute.index is not None:
        value = value[attribute.index]
    for name, at in ties.slots.items():
        if path and not name.startswith(path + "."):
            continue
        for ids in at.values():
            channel = numbered(ids)
            own = np.unique(channel[channel >= 0])
            if len(ids) == value and len(own):
                return np.asarray(channel)
            if len(own) == value and len(ids) % value == 0:
                return np.asarray(own)
    return None


def _costs(
    network: nn.Module,
    ties: Ties,
    index: dict[str, dict[int, Index]],
    numbered: Numbered,
    samples: int,
) -> Costs:
    parameters = tuple(
        Term(float(p.numel()), tuple(index.get(name, {}).values()), name)
        for name, p in network.named_parameters()
    )

    def term(work: Work) -> Term:
        factors = [numbered(ids) for ids in work.factors]
        return Term(
            work.number / samples,
            tuple(f for f in factors if (f >= 0).any()),
            work.kind,
            work.op,
        )

    terms = [term(work) for work in ties.work]
    macs = tuple(t for t in terms if t.kind != "elementwise")
    return Costs(parameters, macs, tuple(t for t in terms if t.kind == "elementwise"))
