"""The recovery that a user means: a name, ``module:attribute``, a class, an object, a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from secateur.errors import OptionError
from secateur.options import make_stage, owner_of, refuse_beside
from secateur.recover.base import Recovery
from secateur.signatures import stage_of_function
from secateur.stages import RECOVERIES, load_stage, misfit, misplaced

if TYPE_CHECKING:
    from secateur.recover.work import Work

RecoveryLike = str | type[Any] | Recovery | Callable[..., Any]
"""What a user may give for a recovery."""


@dataclass(frozen=True)
class FunctionRecovery(Recovery):
    """A recovery that is a function ``(work, seed, …)``; its keywords are the options."""

    function: ClassVar[Callable[..., Any]]
    passed: ClassVar[tuple[str, ...]] = ()

    def recover(self, work: Work, seed: int) -> None:
        """Call the function."""
        type(self).function(work, seed, **{name: getattr(self, name) for name in self.passed})


def recovery_class(given: RecoveryLike, options: Mapping[str, Any] | None = None) -> type[Recovery]:
    """The class of a recovery, whose options ``secateur.options.declared`` tells.

    Arguments:
        given: a name, ``module:attribute``, a class, an instance or a function.
        options: of a function, which has those that it is given.

    Raises:
        OptionError: there is no such recovery (the nearest is named), or it is none.
        StageFailed: it cannot be imported.
    """
    loaded = load_stage(RECOVERIES, given) if isinstance(given, str) else given
    kind = loaded if isinstance(loaded, type) else type(loaded)
    if issubclass(kind, Recovery):
        return kind
    if callable(loaded) and not isinstance(loaded, type):
        name = given if isinstance(given, str) else ""
        return stage_of_function(FunctionRecovery, loaded, ("work", "seed"), name, options or {})
    if isinstance(given, str):
        raise misfit(RECOVERIES, given, loaded)
    raise OptionError(
        f"the recovery is {given!r}",
        remedy=f"{misplaced(given, RECOVERIES)}give a name, None, or {RECOVERIES.wanted}",
    )


def resolve_recovery(
    given: RecoveryLike | None, options: Mapping[str, Any] | None = None
) -> Recovery | None:
    """The recovery with its options, all checked; nothing is trained.

    Arguments:
        given: a name that ``secateur recoveries`` lists, ``module:attribute``, a subclass of
            ``Recovery``, an instance, a function ``(work, seed, **options)``; or None: none.
        options: names and values; none beside an instance.

    Raises:
        OptionError: there is no such recovery or option (the nearest is named), or a value is out
            of range.
        StageFailed: it cannot be imported.
    """
    options = dict(options or {})
    if given is None:
        if options:
            raise OptionError(
                f"options of a recovery are given ({', '.join(options)}), and no recovery",
                remedy='name one, "distil", or leave them out',
            )
        return None
    loaded = load_stage(RECOVERIES, given) if isinstance(given, str) else given
    kind = recovery_class(given, options)
    if isinstance(loaded, Recovery):
        refuse_beside(owner_of(kind), options)
        return loaded
    return make_stage(kind, options, "recover")
