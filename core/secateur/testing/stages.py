"""What every stage must do that is its own options: an objective, a refiner."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import pytest

from secateur.errors import OptionError
from secateur.options import Declared, Stage, declared
from secateur.stages import Kind, list_stages


class StageConformance:
    """The part of a kit that is about names and options.

    Attributes:
        kind: what is tested.
        options: given to the stage, to be quick or thorough.
    """

    kind: ClassVar[Kind]
    options: ClassVar[dict[str, Any]] = {}

    def resolve(self, given: Any, options: dict[str, Any]) -> Stage:
        """The stage with options."""
        raise NotImplementedError

    def find(self, given: Any) -> type[Stage]:
        """The stage's class."""
        raise NotImplementedError

    @pytest.fixture
    def given(self) -> Any:
        """The stage under test."""
        raise NotImplementedError

    def configurable(self, given: Any) -> bool:
        """Whether it takes options: an instance has its own already."""
        return not isinstance(given, Stage) and (
            isinstance(given, (str, type)) or not hasattr(given, "search")
        )

    def make(self, given: Any, **more: Any) -> Any:
        """The stage with the class's ``options`` and ``more``."""
        options = {**self.options, **more} if self.configurable(given) else {}
        return self.resolve(given, options)

    # -- what it says of itself ------------------------------------------------------------------

    def test_it_is_registered_under_its_name(self, given: Any) -> None:
        name = self.find(given).name
        assert isinstance(name, str)
        assert name.strip() == name != ""
        if isinstance(given, str) and ":" not in given:
            owners = [entry for entry in list_stages(self.kind) if entry.name == given]
            assert len(owners) == 1, f"{given!r} is registered by {owners}"

    def test_its_options_are_documented(self, given: Any) -> None:
        if not self.documents(given):
            return
        for one in declared(self.find(given)):
            assert one.text, f"option {one.name!r} has no text: declare it with option()"

    def documents(self, given: Any) -> bool:
        """Whether its options are declared; those of a function or a foreign class are read."""
        kind = type(given) if isinstance(given, Stage) else given
        return isinstance(kind, str) or (isinstance(kind, type) and issubclass(kind, Stage))

    def test_its_options_are_checked(self, given: Any) -> None:
        if not self.configurable(given):
            return
        for one in declared(self.find(given)):
            if not one.required and not one.secret:
                text = str(one.default) if isinstance(one.default, (int, float, str)) else None
                for value in (one.default, text):
                    if value is not None:
                        made = getattr(self.make(given, **{one.name: value}), one.name)
                        assert made == one.default, f"{one.name}={value!r} is read as {made!r}"
            for value in _outside(self.find(given), one):
                with pytest.raises(OptionError, match=one.name):
                    self.make(given, **{one.name: value})

    def test_an_option_it_does_not_have_is_an_error(self, given: Any) -> None:
        if self.configurable(given):
            with pytest.raises(OptionError, match="no_such_option"):
                self.make(given, no_such_option=1)

    def test_its_options_can_be_stored(self, given: Any) -> None:
        json.dumps(self.make(given).public())
        json.dumps([one.to_json() for one in declared(self.find(given))])

    def test_no_secret_is_shown(self, given: Any) -> None:
        secret = "tok3n-that-must-not-show"
        for one in declared(self.find(given)):
            if one.secret and self.configurable(given):
                made = self.make(given, **{one.name: secret})
                shown = repr(made) + repr(made.public())
                assert secret not in shown, f"the value of {one.name!r} is shown"

    def test_it_can_be_cited(self, given: Any) -> None:
        text = self.find(given).cite()
        assert text.count("{") == text.count("}")
        assert text == "" or text.startswith(("@", "%")), "cite() is BibTeX, or nothing"


def _outside(kind: type[Stage], one: Declared) -> Iterator[Any]:
    """Values that an option does not take."""
    about = next(f for f in kind.__dataclass_fields__.values() if f.name == one.name).metadata
    least, most, above = (about.get(key) for key in ("least", "most", "above"))
    if least is not None:
        yield least - 1
    if most is not None:
        yield most + 1
    if above is not None:
        yield above
    if one.domain.startswith("one of"):
        yield "no such choice"
    if one.type.startswith(("int", "float")):
        yield math.nan
        yield "no number"


@contextmanager
def nothing_drawn() -> Iterator[None]:
    """Inside, the global random states of Python, numpy and PyTorch must not be used.

    Raises:
        AssertionError: one was.
    """

    def states() -> dict[str, str]:
        found = {"Python": repr(random.getstate()), "numpy": repr(np.random.get_state())}
        if "torch" in sys.modules:
            found["PyTorch"] = repr(sys.modules["torch"].get_rng_state().tolist())
        return found

    # from somewhere in the middle: a state that is set to a seed twice would look unchanged
    random.random()
    np.random.random()
    if "torch" in sys.modules:
        sys.modules["torch"].rand(1)
    before = states()
    yield
    for name, state in states().items():
        assert state == before.get(name, state), f"{name}'s global random state was changed"
