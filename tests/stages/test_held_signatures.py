"""A stage made of a function: what its parameters declare."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from secateur.errors import OptionError
from secateur.options import Stage, declared, make_options, option
from secateur.signatures import fields_of_function, stage_of_function


@dataclass(frozen=True)
class Base(Stage):
    noun: ClassVar[str] = "thing"
    shared: int = option(3, "of all things", least=1, most=9)


def stage(function, **more):
    return stage_of_function(Base, function, ("given",), **more)


def told(function, **more):
    return {one.name: one for one in declared(stage(function, **more))}


def test_a_class_tells_what_its_function_tells():
    def plain(given, weight: float = 1.0):
        """Two lines,

        of which both are kept.
        """

    made = stage(plain)
    assert made.__name__ == made.name == "plain"
    assert made.__doc__ == "Two lines,\n\nof which both are kept."
    assert made.__module__ == __name__
    assert made.function is plain
    assert made.passed == ("weight",)
    assert stage(plain, name="own").name == "own"
    assert stage(plain) is stage(plain), "made once"
    assert stage(plain) is not stage(plain, name="own")


def test_what_has_no_name_or_text_is_called_what_it_is():
    made = stage(lambda given: None)
    assert (made.__name__, made.name) == ("function", "<lambda>")
    assert made.__doc__ == "The function <lambda>."
    part = stage(functools.partial(lambda given, size=1: None, size=2))
    assert part.name == "partial"
    assert part.__module__ == "functools"
    assert part().size == 2


def test_a_parameter_of_the_base_keeps_its_domain_and_its_default():
    def narrow(given, shared: int, other: int = 4):
        pass

    def own(given, *, shared: int = 5):
        pass

    (shared, other) = (told(narrow)[name] for name in ("shared", "other"))
    assert (shared.default, shared.domain, shared.text) == (3, "from 1 to 9", "of all things")
    assert not shared.required
    assert (other.default, other.domain, other.text) == (4, "", "")
    assert stage(narrow)().shared == 3
    assert told(own)["shared"].default == 5
    assert told(own)["shared"].domain == "from 1 to 9"
    with pytest.raises(OptionError, match="option 'shared' of thing 'own' is 10: out of range"):
        stage(own)(shared=10)


def test_a_default_that_can_be_changed_is_each_instance_s():
    def lists(given, sizes: list = [1, 2], more: Any = {"a": 1}):  # noqa: B006
        pass

    made = stage(lists)
    assert made().sizes == [1, 2]
    assert made().more == {"a": 1}
    assert [told(lists)[name].required for name in ("sizes", "more")] == [False, False]
    assert make_options(made, {}).sizes == [1, 2]


def test_a_default_that_is_no_value_of_the_type_is_taken_as_it_is():
    def odd(given, size: int = None, shared: int = 0):  # noqa: RUF013
        pass

    made = stage(odd)
    assert (made().size, made().shared) == (None, 0)
    assert make_options(made, {"size": "4"}).size == 4
    with pytest.raises(OptionError, match="'size' of thing 'odd' is 'x'"):
        make_options(made, {"size": "x"})


def test_what_has_no_default_must_be_given():
    def needs(given, size: int):
        pass

    assert told(needs)["size"].required
    with pytest.raises(OptionError, match="thing 'needs' needs the option 'size'"):
        make_options(stage(needs), {})
    assert make_options(stage(needs), {"size": "4"}).size == 4


def test_further_names_are_for_those_that_take_any():
    def anything(given, size: int = 1, **options):
        pass

    def fixed(given, size: int = 1):
        pass

    names = list(told(anything, given=("size", "other", "third")))
    assert names == ["shared", "size", "other", "third"]
    assert told(anything, given=("other",))["other"].default is None
    assert list(told(fixed, given=("other",))) == ["shared", "size"]


@pytest.mark.parametrize(
    ("first", "function", "said"),
    [
        (("a",), lambda: None, "0 values"),
        (("a", "b"), lambda x: None, "1 values"),
        (("a", "b"), lambda x, *, y: None, "1 values"),
        (("a",), lambda x, y, /: None, "'y' that cannot be an option"),
        (("a",), lambda x, cite: None, "'cite' that cannot be an option"),
        (("a",), lambda x, name="n": None, "'name' that cannot be an option"),
    ],
)
def test_what_cannot_be_called_so_is_told(first, function, said):
    with pytest.raises(OptionError, match=said) as caught:
        fields_of_function(function, first, Base, "thing 'x'")
    assert caught.value.message.startswith("thing 'x' ")
    if "values" in said:
        assert caught.value.remedy == (
            f"it is called with {', '.join(first)}, and with options by keyword"
        )


@pytest.mark.parametrize(
    ("first", "function", "options"),
    [
        (("a",), lambda x: None, []),
        (("a", "b"), lambda x, y, z=1: None, ["z"]),
        (("a", "b"), lambda *given, z=1: None, ["z"]),
        (("a", "b"), lambda x, *given, z=1: None, ["z"]),
        (("a",), lambda x, /, y=2, **rest: None, ["y"]),
    ],
)
def test_what_the_library_gives_is_no_option(first, function, options):
    assert [name for name, *_ in fields_of_function(function, first, Base, "x")] == options


def test_one_that_cannot_be_hashed_or_inspected():
    @dataclasses.dataclass
    class Unhashed:
        factor: int = 2

        def __call__(self, given, size: int = 3):
            return self.factor * size

    made = stage(Unhashed())
    assert made.name == "Unhashed"
    assert made().size == 3
    with pytest.raises(OptionError, match="does not tell its parameters") as caught:
        stage(max)
    assert caught.value.remedy == "write a Python function that calls it"
    assert inspect.isclass(made)
