"""Variables by the text of their labels, one by one or by glob."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from secateur.errors import ConstraintError
from secateur.nearest import did_you_mean

Label = Hashable


class Labels:
    """The labels of a problem, to be found by text.

    A text that is a label's ``str`` means that label alone. Any other is a glob: ``*`` stands for
    any characters, ``?`` for one, everything else, brackets too, for itself.

    Arguments:
        labels: of the problem, in its order.
    """

    def __init__(self, labels: Sequence[Label]) -> None:
        self.labels = tuple(labels)

    @cached_property
    def texts(self) -> Mapping[str, Label]:
        """Text to label, in the problem's order.

        Raises:
            ConstraintError: two labels have the same text.
        """
        made: dict[str, Label] = {}
        for label in self.labels:
            other = made.setdefault(str(label), label)
            if type(other) is not type(label) or other != label:
                raise ConstraintError(
                    f"the labels {other!r} and {label!r} have the same text",
                    remedy="demand it from Python, or relabel: bqm.relabel_variables({…})",
                )
        return made

    @cached_property
    def order(self) -> Mapping[Label, int]:
        """Label to position."""
        return {label: i for i, label in enumerate(self.labels)}

    def text(self, label: Label) -> str:
        """The text that means a label.

        Raises:
            ConstraintError: the problem does not have it.
        """
        if self.texts.get(str(label)) != label:
            raise ConstraintError(
                f"{label!r} is no variable of the problem",
                remedy="give the labels of the problem that the constraints are of",
            )
        return str(label)

    def find(self, of: Any) -> tuple[Label, ...]:
        """The variables that a text, a whole number or a list of them names, in order, each once.

        Raises:
            ConstraintError: one of them names none.
        """
        items = of if isinstance(of, (list, tuple)) else [of]
        found = {label for item in items for label in self._one(item)}
        if not found:
            raise ConstraintError("'of' is an empty list", remedy='of = "*" is all variables')
        return tuple(sorted(found, key=self.order.__getitem__))

    def spread(self, by_text: Mapping[str, float]) -> dict[Label, float]:
        """A number for each variable, from a number for each text.

        Raises:
            ConstraintError: a text names none, or two name the same variable.
        """
        made: dict[Label, float] = {}
        who: dict[Label, str] = {}
        for text, value in by_text.items():
            for label in self._one(text):
                if label in who:
                    raise ConstraintError(
                        f"{str(label)!r} is named twice, by {who[label]!r} and by {text!r}",
                        remedy="give each variable one coefficient",
                    )
                who[label] = text
                made[label] = value
        return made

    def _one(self, item: Any) -> tuple[Label, ...]:
        if isinstance(item, bool) or not isinstance(item, (str, int)):
            raise ConstraintError(
                f"{item!r} names no variable", remedy='write a label or a glob: "layers.3:*"'
            )
        text = str(item)
        if text in self.texts:
            return (self.texts[text],)
        parts = {"*": ".*", "?": "."}
        pattern = re.compile("".join(parts.get(c, re.escape(c)) for c in text), re.DOTALL)
        found = tuple(label for known, label in self.texts.items() if pattern.fullmatch(known))
        if not found:
            raise ConstraintError(
                f"{text!r} matches none of the {len(self.labels)} variables",
                remedy=nearest(text, list(self.texts)[:5000], few=5),
            )
        return found


def nearest(word: str, known: Iterable[str], *, few: int = 50) -> str:
    """The remedy for a word that is not known: the nearest, and some of those that there are."""
    names = list(known)
    some = ", ".join(names[:few]) + (", …" if len(names) > few else "")
    return f"{did_you_mean(word, names)}known are: {some or 'none'}"
