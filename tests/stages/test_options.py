"""Options: what is declared is what is checked, told and read, whoever gives it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.backends import Backend, BackendOptions
from secateur.errors import BackendOptionError, OptionError
from secateur.options import Options, Stage, declared, make_options, option, owner_of


@dataclass(frozen=True)
class Many(Options):
    whole: int = option(3, "a whole number", least=1, most=9)
    real: float = option(0.5, "a number", least=0, most=2, unit="s")
    positive: float = option(1.0, "more than nothing", above=0)
    perhaps: float | None = option(None, "a number or none")
    yes: bool = option(False, "a switch")
    word: str = option("mean", "a word", choices=("mean", "none"))
    kind: Literal["a", "b"] = option("a", "one of two")
    level: Literal[1, 2] | None = option(None, "one of two numbers, or none")
    share: float | Literal["auto"] = option(0.5, "a number or a word", above=0, most=1)
    pair: tuple[int, ...] = option((), "numbers")
    more: Mapping[str, Any] | None = option(None, "names and values")
    thing: Any = option(None, "anything")
    token: str | None = option(None, "a secret", secret=True)


GOOD = [
    ("whole", "4", 4),
    ("whole", np.int64(4), 4),
    ("real", 1, 1.0),
    ("real", "1e-3", 0.001),
    ("real", np.float32(0.5), 0.5),
    ("perhaps", "none", None),
    ("perhaps", "None", None),
    ("perhaps", None, None),
    ("yes", "TRUE", True),
    ("yes", "false", False),
    ("word", "none", "none"),
    ("kind", "b", "b"),
    ("level", "2", 2),
    ("level", "none", None),
    ("share", "auto", "auto"),
    ("share", "0.25", 0.25),
    ("share", 1, 1.0),
    ("pair", [1, 2], (1, 2)),
    ("more", {"a": 1}, {"a": 1}),
    ("thing", "7", "7"),
    ("token", "abc", "abc"),
]
BAD = [
    ("share", "autp", "not of type float or 'auto'"),
    ("share", "0", "out of range"),
    ("share", 1.5, "out of range"),
    ("share", None, "it cannot be none"),
    ("whole", 0, "out of range"),
    ("whole", "10", "out of range"),
    ("whole", 2.0, "not of type int"),
    ("whole", "2.5", "not of type int"),
    ("whole", True, "not of type int"),
    ("whole", None, "cannot be none"),
    ("whole", "9" * 5000, "not of type int"),
    ("whole", [3], "not of type int"),
    ("real", math.nan, "not a number"),
    ("real", "nan", "not a number"),
    ("real", -0.1, "out of range"),
    ("real", "x", "not of type float"),
    ("real", True, "not of type float"),
    ("real", 10**400, "not of type float"),
    ("real", 1 + 0j, "not of type float"),
    ("real", "1e309", "not finite"),
    ("perhaps", math.inf, "not finite"),
    ("positive", 0.0, "out of range"),
    ("yes", 1, "not of type bool"),
    ("yes", "yes", "not of type bool"),
    ("word", "median", "not one of the choices"),
    ("word", 3, "not of type str"),
    ("kind", "c", "not one of the choices"),
    ("kind", None, "cannot be none"),
    ("level", 3, "not one of the choices"),
    ("level", True, "not of type int"),
    ("pair", 3, "not of type tuple"),
    ("more", [1], "not of type Mapping"),
    ("token", 3, "not of type str"),
]


@pytest.mark.parametrize(("name", "value", "read"), GOOD)
def test_values_are_read_as_declared(name, value, read):
    made = make_options(Many, {name: value})
    assert getattr(made, name) == read
    assert type(getattr(made, name)) is type(read)
    assert made == Many(**{name: value}), "made directly, it is another one"


@pytest.mark.parametrize(("name", "value", "why"), BAD)
def test_what_is_refused_is_refused_by_any_door_in_the_same_words(name, value, why):
    with pytest.raises(OptionError, match=why) as by_name:
        make_options(Many, {name: value})
    with pytest.raises(OptionError) as directly:
        Many(**{name: value})
    with pytest.raises(OptionError) as replaced:
        dataclasses.replace(Many(), **{name: value})
    assert str(by_name.value) == str(directly.value) == str(replaced.value)
    assert f"option {name!r} of Many is " in by_name.value.message
    (about,) = (one for one in declared(Many) if one.name == name)
    assert about.text in by_name.value.remedy
    assert about.domain in by_name.value.remedy
    assert len(by_name.value.message) < 400


def test_a_secret_is_in_no_message_repr_or_file():
    made = Many(token="tok3n")
    assert "tok3n" not in repr(made) + json.dumps(made.public())
    with pytest.raises(OptionError) as caught:
        Many(token=12345)
    assert "12345" not in str(caught.value)
    about = next(one for one in declared(Many) if one.name == "token")
    assert (about.default, about.secret) == (None, True)
    assert "default" not in about.values.replace("no default shown", "")


@pytest.mark.parametrize("error", [OptionError, KeyError])
def test_an_unknown_name_is_told_with_the_nearest_and_all(error):
    def refuse(message, remedy):
        return error(message) if error is KeyError else error(message, remedy=remedy)

    with pytest.raises(error, match=r"thing 'x' has no option 'whol'") as caught:
        make_options(Many, {"whole": 3, "whol": 3}, "thing 'x'", refuse)
    if error is OptionError:
        assert caught.value.remedy.startswith("did you mean 'whole'? It has: whole, real, ")


def test_a_declaration_tells_all_that_is_checked():
    told = {one.name: one for one in declared(Many)}
    assert list(told) == [field.name for field in dataclasses.fields(Many)]
    assert told["whole"].values == "from 1 to 9, default 3"
    assert told["real"].values == "from 0 to 2, in s, default 0.5"
    assert told["positive"].values == "more than 0, default 1.0"
    assert told["kind"].values == "one of a, b, default a"
    assert told["level"].values == "one of 1, 2, default None"
    assert told["share"].values == "more than 0, at most 1, or auto, default 0.5"
    assert told["share"].type == "float or 'auto'"
    assert [told[name].type for name in ("perhaps", "kind", "level", "thing", "more")] == [
        "float or none",
        "str",
        "int or none",
        "any",
        "Mapping or none",
    ]
    json.dumps([one.to_json() for one in told.values()])


def test_what_must_be_given_is_asked_for():
    @dataclass(frozen=True)
    class Needs(Options):
        size: int

    with pytest.raises(OptionError, match="Needs needs the option 'size'") as caught:
        make_options(Needs, {})
    assert "int" in caught.value.remedy
    assert make_options(Needs, {"size": "3"}) == Needs(3)
    assert declared(Needs)[0].values == "must be given"


def test_a_forgotten_decorator_is_told():
    class Forgot(Options):
        size: int = option(3, "of it")

    for call in (Forgot, lambda: make_options(Forgot, {"size": 1}), lambda: declared(Forgot)):
        with pytest.raises(OptionError, match="'size' and is no dataclass") as caught:
            call()
        assert "@dataclass(frozen=True)" in caught.value.remedy


def test_types_that_cannot_be_read_are_told():
    @dataclass(frozen=True)
    class Odd(Options):
        size: NotThere = 3  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(OptionError, match=r"types of Odd's options cannot be read.*NotThere"):
        Odd()


def test_a_stage_is_called_by_its_name():
    @dataclass(frozen=True)
    class Mine(Stage):
        noun: ClassVar[str] = "objective"
        size: int = option(3, "of it", least=1)

    class Other(Mine):
        name: ClassVar[str] = "my-own"

    class Third(Other):
        pass

    assert [owner_of(kind) for kind in (Mine, Other, Third)] == [
        "objective 'mine'",
        "objective 'my-own'",
        "objective 'third'",
    ]
    with pytest.raises(OptionError, match="option 'size' of objective 'my-own' is 0"):
        Other(size=0)


def test_a_backend_s_error_knows_the_backend():
    @dataclass(frozen=True)
    class Own(BackendOptions):
        reads: int = option(1, "reads", least=1)

    class Mine(Backend):
        name = "mine"
        Options = Own

        def solve(self, problem, options):
            raise NotImplementedError

    for wrong in ({"reads": 0}, {"raeds": 1}):
        with pytest.raises(BackendOptionError, match="backend 'mine'") as caught:
            Mine.make_options(wrong)
        assert caught.value.backend == "mine"


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from([field.name for field in dataclasses.fields(Many)] + ["other", ""]),
    value=st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(),
            st.binary(),
            st.decimals(allow_nan=False),
            st.builds(object),
            st.just(Decimal("NaN")),
        ),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
)
def test_any_value_is_taken_within_its_domain_or_refused_clearly(name, value):
    try:
        made = make_options(Many, {name: value})
    except OptionError as error:
        assert error.remedy  # noqa: PT017 (most are refused, and some are not)
        return
    assert 1 <= made.whole <= 9
    assert 0 <= made.real <= 2
    assert made.positive > 0
    assert made.perhaps is None or math.isfinite(made.perhaps)
    assert made.word in ("mean", "none")
    assert made.level in (None, 1, 2)
    json.dumps(made.public())


def test_one_value_for_a_list_is_shown_as_a_list():
    @dataclass(frozen=True)
    class Lists(Options):
        seeds: tuple[int, ...] = option((0,), "of it")
        limits: float | tuple[float, ...] = option(1.0, "of it")

    for value, written in ((5, "[5]"), ("a", "['a']")):
        with pytest.raises(OptionError, match="not of type tuple") as caught:
            make_options(Lists, {"seeds": value})
        assert caught.value.remedy.startswith(f"write seeds = {written}; seeds: of it")
    with pytest.raises(OptionError) as caught:
        make_options(Lists, {"limits": "a"})
    assert caught.value.remedy.startswith("limits: of it")
