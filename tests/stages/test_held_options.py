"""Options: what is shown and stored of them, and the bounds themselves."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import pytest

from secateur.errors import OptionError
from secateur.options import Options, Stage, declared, make_options, option, refuse_unknown
from secateur.signatures import stage_of_function


@dataclass(frozen=True)
class Plain(Options):
    pair: tuple[int, ...] = option((1, 2), "numbers")
    more: Any = option(None, "anything")
    token: str | None = option(None, "a secret", secret=True)
    kept: str = option("pre", "a secret with a default", secret=True)


def test_what_is_public_is_plain_data_without_secrets():
    nested = MappingProxyType({1: (True, None), "b": {"c": [1.5, {"d": object()}]}})
    made = Plain(more=nested, token="t0ken")
    assert made.public() == {
        "pair": [1, 2],
        "more": {"1": [True, None], "b": {"c": [1.5, {"d": "<object>"}]}},
    }
    assert json.loads(json.dumps(made.public())) == made.public()
    assert Plain(more="x").public()["more"] == "x"


def test_the_default_of_a_secret_is_not_told():
    about = {one.name: one for one in declared(Plain)}
    for name in ("token", "kept"):
        assert (about[name].default, about[name].values) == (None, "no default shown")
        assert about[name].to_json()["default"] is None
    assert "pre" not in repr(Plain())
    assert about["pair"].to_json() == {
        "name": "pair", "type": "tuple", "default": [1, 2], "domain": "", "text": "numbers",
        "unit": "", "secret": False, "required": False,
    }  # fmt: skip


def test_a_default_that_is_made_is_told_and_not_asked_for():
    @dataclass(frozen=True)
    class Made(Options):
        sizes: list = field(default_factory=lambda: [3])
        needed: int = field(kw_only=True)

    sizes, needed = declared(Made)
    assert (sizes.default, sizes.required, sizes.values) == ([3], False, "default [3]")
    assert (needed.default, needed.required, needed.values) == (None, True, "must be given")
    assert make_options(Made, {"needed": 2}).sizes == [3]


@dataclass(frozen=True)
class Bounds(Options):
    least: int = option(5, "at least", least=2)
    most: int = option(5, "at most", most=9)
    above: float = option(5.0, "above", above=2)
    within: float = option(5.0, "both", above=2, most=9, unit="dB")
    chosen: int = option(2, "one of some", choices=(2, 4))
    level: Literal["a", 1] | None = option(None, "or none")
    mixed: str | float = option("auto", "a word or a number", choices=("auto", 0, 0.5))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("least", [2, 3, 10**9], [1, -1]),
        ("most", [9, 0, -(10**9)], [10]),
        ("above", [math.nextafter(2, 3)], [2.0, 2, 1.9]),
        ("within", [9.0, 2.5], [2.0, 9.5]),
        ("chosen", [2, 4, "4"], [3, "3"]),
        ("level", ["a", 1, "1", None, "none"], ["b", 2, True, 1.0]),
        ("mixed", [0, "0", 0.5, "0.5", "auto"], ["AUTO", 1, "1", True, "none"]),
    ],
)
def test_bounds_are_taken_and_what_is_beyond_them_is_not(name, good, bad):
    for value in good:
        make_options(Bounds, {name: value})
    for value in bad:
        with pytest.raises(OptionError):
            make_options(Bounds, {name: value})


def test_a_choice_that_is_typed_is_the_choice():
    for name, text, value in (("level", "1", 1), ("mixed", "0.5", 0.5), ("mixed", "auto", "auto")):
        got = getattr(make_options(Bounds, {name: text}), name)
        assert got == value
        assert type(got) is type(value)


def test_domains_in_words():
    told = {one.name: one.values for one in declared(Bounds)}
    assert told == {
        "least": "at least 2, default 5",
        "most": "at most 9, default 5",
        "above": "more than 2, default 5.0",
        "within": "more than 2, at most 9, in dB, default 5.0",
        "chosen": "one of 2, 4, default 2",
        "level": "one of a, 1, default None",
        "mixed": "one of auto, 0, 0.5, default auto",
    }


@pytest.mark.parametrize("value", [True, False, 1, "1", None, [True]])
def test_an_option_without_a_type_takes_any_value(value):
    assert Plain(more=value).more is value
    assert make_options(Plain, {"more": value}).more is value

    def function(given, flag=None):
        pass

    assert stage_of_function(Stage, function, ("given",))(flag=value).flag is value


def test_a_long_value_is_cut_and_one_that_cannot_be_shown_is_named():
    class Silent:
        def __repr__(self):
            raise RuntimeError("no")

    def shown(value):
        with pytest.raises(OptionError) as caught:
            Bounds(least=value)
        start = "option 'least' of Bounds is "
        assert caught.value.message.startswith(start)
        return caught.value.message.removeprefix(start).removesuffix(": not of type int")

    assert shown("x" * 198) == repr("x" * 198)
    assert shown("x" * 199) == repr("x" * 199)[:200] + "…"
    assert shown(Silent()) == "a Silent"


def test_a_declared_default_is_the_kit_s_to_check():
    @dataclass(frozen=True)
    class Odd(Options):
        size: int = option(0, "its default is no value of it", least=1)

    assert Odd().size == 0
    with pytest.raises(OptionError, match="out of range"):
        Odd(size=-1)


def test_unknown_names_without_one_that_is_near():
    with pytest.raises(OptionError) as caught:
        refuse_unknown(["zzz"], iter(["whole", "real"]), "thing 'x'")
    assert caught.value.remedy == "it has: whole, real"
    with pytest.raises(OptionError) as caught:
        refuse_unknown({"zzz": 1}, [], "thing 'x'")
    assert caught.value.remedy == "it has: none"
    assert refuse_unknown(["real"], ["whole", "real"], "thing 'x'") is None


def test_a_stage_is_cited_and_called_as_it_says():
    class Mine(Stage):
        citation = "\n@misc{mine}\n"

    class Named(Mine):
        name = "MY"

    assert Mine.cite() == "@misc{mine}"
    assert (Mine.name, Named.name) == ("mine", "MY")
    assert Stage.cite() == ""


def test_types_that_values_cannot_be_held_against_are_taken_as_they_are():
    @dataclass(frozen=True)
    class Loose(Options):
        call: Mapping[str, int] | None = option(None, "a mapping")
        each: Iterable[int] = option((), "several")
        any: object = option(None, "anything at all")

    thing = object()
    made = make_options(Loose, {"call": {"a": 1}, "each": [1], "any": thing})
    assert (made.call, made.each, made.any) == ({"a": 1}, [1], thing)
    assert [one.type for one in declared(Loose)] == ["Mapping or none", "Iterable", "object"]
    assert dataclasses.replace(made, any="x").any == "x"
