"""Options of a stage: declared once, with their domain, default, unit and text.

::

    @dataclass(frozen=True)
    class MyOptions(Options):
        reads: int = option(10, "independent runs", least=1)
        seed: int | None = option(None, "random seed", least=0, most=2**31 - 1)

From this declaration come the checks, the command line's help and the reference pages. A backend
has such a class; an objective or a refiner is one.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

from secateur.errors import OptionError, SecateurError
from secateur.nearest import did_you_mean
from secateur.typed import alternatives, is_list, is_mapping, read, type_name, words

Made = TypeVar("Made", bound="Options")
Refusal = Callable[..., SecateurError]
"""An error's class, or a function that makes one, called with a message and ``remedy=``."""


def option(
    default: Any,
    text: str,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    choices: tuple[Any, ...] | None = None,
    unit: str = "",
    secret: bool = False,
    identifies: bool = True,
    why: str = "",
) -> Any:
    """Declare an option: a dataclass field with its domain.

    Arguments:
        default: used when it is not given.
        text: one line of help.
        least: the smallest value, included.
        most: the largest value, included.
        above: every value is larger.
        choices: the only values; those of a ``Literal`` type unless given.
        unit: "s", "dB", …
        secret: never printed, stored or compared.
        identifies: the answer may depend on it; False for how a service is reached and waited for,
            and where what it answers is kept: a study's cell is the same whatever that is.
        why: there is a largest value, for the error of a larger one: "each read is held".
    """
    metadata = {
        "text": text,
        "least": least,
        "most": most,
        "above": above,
        "choices": choices,
        "unit": unit,
        "secret": secret,
        "identifies": identifies,
        "why": why,
    }
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class Options:
    """Base of every stage's options; has none of its own.

    An instance that is made directly is checked as one made from names and values.

    Raises:
        OptionError: a value of the wrong type or out of range.
    """

    noun: ClassVar[str] = "options"
    """What it is the options of, for messages: "objective"."""

    def __post_init__(self) -> None:
        owner = owner_of(type(self))
        for field, hint in _fields(type(self)):
            value = getattr(self, field.name)
            if value is field.default:
                continue  # what is declared is the kit's to check, once
            checked = _check(value, hint, field, owner, OptionError)
            object.__setattr__(self, field.name, checked)

    def public(self) -> dict[str, Any]:
        """The options as JSON-safe data, secrets left out."""
        return {
            f.name: _plain(getattr(self, f.name))
            for f in dataclasses.fields(self)
            if not f.metadata.get("secret")
        }


@dataclass(frozen=True)
class Stage(Options):
    """Options that are the stage themselves: an objective, a refiner.

    Attributes:
        name: what users type; the class's own, in small letters, unless it says otherwise.
        citation: BibTeX of what to cite, or "".
    """

    name: ClassVar[str] = ""
    citation: ClassVar[str] = ""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "name" not in vars(cls):
            cls.name = cls.__name__.lower()

    @classmethod
    def cite(cls) -> str:
        """BibTeX of what to cite when this stage was used."""
        return cls.citation.strip()


@dataclass(frozen=True)
class Declared:
    """One option as it was declared.

    Arguments:
        name: of the option.
        type: as people say it, "float or none".
        default: used when it is not given; None for a secret.
        domain: what values it takes, "from 0 to 1"; "" if any of its type.
        text: one line of help.
        unit: "s", "dB", … or "".
        secret: never shown.
        required: has no default.
    """

    name: str
    type: str
    default: Any
    domain: str
    text: str
    unit: str
    secret: bool
    required: bool = False

    @property
    def values(self) -> str:
        """Domain, unit and default in a line, "at least 0, in s, default 1.0"."""
        parts = [self.domain] if self.domain else []
        if self.unit:
            parts.append(f"in {self.unit}")
        if self.secret:
            parts.append("no default shown")
        else:
            parts.append("must be given" if self.required else f"default {self.default}")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain data."""
        return dataclasses.asdict(dataclasses.replace(self, default=_plain(self.default)))


def declared(kind: type[Options]) -> list[Declared]:
    """The options of a class in their order, as ``show``, ``--help`` and the docs tell them."""
    return [_declared(field, hint) for field, hint in _fields(kind)]


def _declared(field: dataclasses.Field[Any], hint: Any) -> Declared:
    about = field.metadata
    secret = bool(about.get("secret"))
    default = field.default
    if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    required = default is dataclasses.MISSING
    return Declared(
        name=field.name,
        type=type_name(hint),
        default=None if secret or required else default,
        domain=_domain(about, hint),
        text=about.get("text", ""),
        unit=about.get("unit", ""),
        secret=secret,
        required=required,
    )


def owner_of(kind: type[Options]) -> str:
    """The words for a class of options in messages: "objective 'fisher'", or its name."""
    name = getattr(kind, "name", None)
    return f"{kind.noun} {name!r}" if isinstance(name, str) and name else kind.__name__


def refuse_beside(owner: str, options: Iterable[str]) -> None:
    """Nothing is given beside an instance, which has its options.

    Raises:
        OptionError: something is.
    """
    named = ", ".join(options)
    if named:
        raise OptionError(
            f"{owner} is given with its options, and {named} besides",
            remedy="put them into the instance, or give the class",
        )


def make_stage(kind: type[Made], given: Mapping[str, Any], method: str) -> Made:
    """``make_options`` of a stage whose class has to define a method.

    Raises:
        OptionError: it does not; or as ``make_options``.
    """
    if inspect.isabstract(kind):
        raise OptionError(f"{owner_of(kind)} has no {method}()", remedy="define it in the subclass")
    return make_options(kind, given)


def make_options(
    kind: type[Made], given: Mapping[str, Any], owner: str = "", error: Refusal = OptionError
) -> Made:
    """An instance of ``kind`` from names and values, every one checked.

    Strings are read as the declared type, so that the command line and TOML files can pass them.

    Arguments:
        kind: the class that declares the options.
        given: names and values.
        owner: whose options they are, "backend 'annealing'"; told by the class unless given.
        error: what is raised, called with a message and ``remedy=``.

    Raises:
        OptionError: or ``error``: an unknown name (the nearest is named), one that is missing, a
            wrong type, a value out of range.
    """
    owner = owner or owner_of(kind)
    fields = {field.name: (field, hint) for field, hint in _fields(kind)}
    refuse_unknown(given, fields, owner, error)
    values = {}
    for name, (field, hint) in fields.items():
        if name in given:
            values[name] = _check(given[name], hint, field, owner, error)
        elif _declared(field, hint).required:
            raise error(
                f"{owner} needs the option {name!r}",
                remedy=f"give {name}, of type {type_name(hint)}",
            )
    return kind(**values)


def refuse_unknown(
    given: Iterable[str], known: Iterable[str], owner: str, error: Refusal = OptionError
) -> None:
    """Refuse a name that is not one of those known.

    Raises:
        OptionError: or ``error``: names the nearest, and all.
    """
    known = list(known)
    for name in given:
        if name not in known:
            meant, has = did_you_mean(name, known), ", ".join(known) or "none"
            raise error(
                f"{owner} has no option {name!r}",
                remedy=f"{meant}It has: {has}" if meant else f"it has: {has}",
            )


def _fields(kind: type[Options]) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    """The fields of a class of options with their types."""
    return _typed_fields(typing.cast(Any, kind))


@lru_cache(maxsize=512)
def _typed_fields(kind: type[Options]) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    """The same, read once for each class.

    Raises:
        OptionError: a class that is declared wrongly.
    """
    fields = dataclasses.fields(kind)
    for name in vars(kind):
        if isinstance(vars(kind)[name], dataclasses.Field):
            raise OptionError(
                f"{kind.__name__} declares the option {name!r} and is no dataclass",
                remedy="write @dataclass(frozen=True) above the class",
            )
    try:
        hints = typing.get_type_hints(kind)
    except Exception as error:  # the annotations are the plugin's own code
        raise OptionError(
            f"the types of {kind.__name__}'s options cannot be read: {error}",
            remedy="import them at the top of the module that declares the options",
        ) from error
    return tuple((field, hints[field.name]) for field in fields)


def _check(value: Any, hint: Any, field: dataclasses.Field[Any], owner: str, error: Refusal) -> Any:
    about = field.metadata
    shown = "…" if about.get("secret") else _short(value)

    def wrong(why: str, meant: str = "") -> SecateurError:
        return error(
            f"option {field.name!r} of {owner} is {shown}: {why}",
            remedy=f"{meant}{field.name}: {about.get('text', '')}; {_declared(field, hint).values}",
        )

    choices = _choices(about, hint)
    if isinstance(value, str) and choices is not None:
        for choice in choices:
            if _says(value, choice):
                return choice
    optional = type(None) in alternatives(hint)
    if value is None or (isinstance(value, str) and value.lower() == "none" and optional):
        if optional or hint is Any:
            return None
        raise wrong("it cannot be none")
    try:
        value = read(value, hint)
    except (ValueError, TypeError, OverflowError):
        example = f'write {field.name}={{"key": value}}; ' if is_mapping(hint) else ""
        if is_list(hint) and isinstance(value, (str, int, float)) and not about.get("secret"):
            example = f"write {field.name} = [{shown}]; "
        raise wrong(f"not of type {type_name(hint, none=False)}", example) from None
    if choices is not None and value not in choices:
        raise wrong("not one of the choices", did_you_mean(value, [str(one) for one in choices]))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise wrong("not a number" if math.isnan(value) else "not finite")
        least, most, above = (about.get(key) for key in ("least", "most", "above"))
        if most is not None and value > most:
            why = about.get("why")
            raise wrong("out of range" + (f": at most {most}, for {why}" if why else ""))
        if (least is not None and value < least) or (above is not None and value <= above):
            raise wrong("out of range")
    return value


def _says(text: str, choice: Any) -> bool:
    """Whether a text is a choice, or what a user types for it: "2" for 2."""
    try:
        return bool(read(text, type(choice)) == choice)
    except (ValueError, TypeError, OverflowError):
        return False


def _short(value: Any) -> str:
    """A value for a message; what is long is cut, and what cannot be shown is named."""
    try:
        text = repr(value)
    except Exception:  # the value may be an object of the user's
        text = f"a {type(value).__name__}"
    return text if len(text) <= 200 else text[:200] + "…"


def _choices(about: Mapping[str, Any], hint: Any) -> tuple[Any, ...] | None:
    given: tuple[Any, ...] | None = about.get("choices")
    if given is not None:
        return given
    kinds = [one for one in alternatives(hint) if one is not type(None)]
    if all(typing.get_origin(one) is typing.Literal for one in kinds):
        return tuple(value for one in kinds for value in typing.get_args(one))
    return None


def _domain(about: Mapping[str, Any], hint: Any) -> str:
    """What values an option takes, as text."""
    parts = []
    choices = _choices(about, hint)
    if choices is not None:
        parts.append("one of " + ", ".join(str(choice) for choice in choices))
    least, most, above = (about.get(key) for key in ("least", "most", "above"))
    if above is not None:
        parts.append(f"more than {above}")
    if least is not None and most is not None:
        parts.append(f"from {least} to {most}")
    elif least is not None:
        parts.append(f"at least {least}")
    elif most is not None:
        parts.append(f"at most {most}")
    if parts and words(hint):
        parts[-1] += f", or {' or '.join(map(str, words(hint)))}"
    return ", ".join(parts)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return f"<{type(value).__name__}>"
