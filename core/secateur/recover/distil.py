"""Distillation: gradient steps towards the dense network's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from secateur.limits import LONGEST_SECONDS
from secateur.options import option
from secateur.progress import track
from secateur.recover.base import Recovery

if TYPE_CHECKING:
    from secateur.recover.work import Work


@dataclass(frozen=True)
class Distil(Recovery):
    """Gradient steps towards what the dense network gives for the same inputs; no label is used.

    A step of a weight that is a matrix (of a convolution, a linear layer or attention) goes equally
    far along all its singular vectors, unless that is more work than the layer itself is, and Adam
    moves the rest (``optimiser="muon"``). Batch normalisation keeps its running statistics, and
    nothing is dropped out, so that both networks are as they will be used. The learning rate rises
    for a tenth of the time and falls along a cosine. The best network on the selection split is
    kept, and its start is among them.
    """

    name: ClassVar[str] = "distil"
    citation: ClassVar[str] = """@article{hinton2015distilling,
  title   = {Distilling the Knowledge in a Neural Network},
  author  = {Hinton, Geoffrey and Vinyals, Oriol and Dean, Jeff},
  journal = {arXiv:1503.02531},
  year    = {2015}
}
@misc{jordan2024muon,
  title  = {Muon: An Optimizer for Hidden Layers in Neural Networks},
  author = {Jordan, Keller and Jin, Yuchen and Boza, Vlado and You, Jiacheng and Cesista, Franz
            and Newhouse, Laker and Bernstein, Jeremy},
  year   = {2024}
}"""

    steps: int = option(
        1000, "of a batch each, those that choose the rate included", least=1, most=10_000_000
    )
    seconds: float | None = option(
        None,
        "stop after so long, the choice of a rate included; how far it comes then depends on the "
        "machine",
        above=0,
        most=LONGEST_SECONDS,
        unit="s",
    )
    learning_rate: float | None = option(
        None, "the highest; the best of three on the selection split unless given", above=0, most=1
    )
    temperature: float = option(2.0, "softens the probabilities of classes", above=0, most=100)
    looks: int = option(10, "so often the selection split is asked, evenly", least=1, most=10_000)
    patience: int = option(
        6, "stop after so many looks in a row that were no better", least=1, most=10_000
    )
    optimiser: Literal["muon", "adam"] = option(
        "muon", "of weights that are matrices; Adam is of all others, or of all"
    )

    def recover(self, work: Work, seed: int) -> None:
        """Train ``work.network``."""
        from secateur.recover.matching import distance_of
        from secateur.recover.training import Schedule, Training

        how = Schedule(self.steps, self.seconds, self.looks, self.patience, self.optimiser)
        distance = distance_of(work.task, work.dense, self.temperature)
        with track("recovering", self.steps) as bar:
            training = Training(work, distance, how, seed, bar)
            if training.nothing_to_do():
                return
            training.train(self.learning_rate or training.best_rate())
