"""D-Wave's quantum computers, through minor embedding.

A dense QUBO does not fit the wires of the chip: every variable becomes a chain of qubits. Blocks of
a problem that no coupling joins lie side by side, as many as the chip takes, and are annealed in
one submission. The steps are those of Ocean's ``EmbeddingComposite``, taken one by one: the
embedding has to be in the journal before the job is sent, since an answer that is fetched by a
later process cannot be read without it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from secateur.backends import (
    Applicability,
    BackendOptions,
    Capabilities,
    Solution,
    Stopped,
)
from secateur.backends.metered import paid_by
from secateur.errors import BackendOptionError, BackendUnsuitable
from secateur.lazy import dimod
from secateur.problem import Problem
from secateur_backends.leap import service_of
from secateur_backends.leap_answer import Read, read_answer, solution, understood
from secateur_backends.leap_blocks import Positions, by_rank, components
from secateur_backends.leap_cost import Estimate, shape
from secateur_backends.leap_embedding import Chip, Embedding, Layout, lay, place
from secateur_backends.leap_jobs import Job, State
from secateur_backends.leap_options import installed
from secateur_backends.leap_parameters import Wanted, check_embedding, check_labels
from secateur_backends.leap_qpu_options import NAME, LeapQPUOptions
from secateur_backends.leap_run import Plan
from secateur_backends.leap_several import Overfull, Several
from secateur_backends.leap_together import (
    over_qubits,
    part,
    seen,
    summed,
    together,
    voted,
)

_KEPT = 64
"""Embeddings that are kept for the next calls of a search."""
LARGEST = 150
"""Variables of a block; the largest complete graph that fits today's chips is about 180 when every
qubit works."""

CITATION = """
@article{johnson2011quantum,
  author  = {Johnson, M. W. and Amin, M. H. S. and Gildert, S. and others},
  title   = {Quantum annealing with manufactured spins},
  journal = {Nature},
  volume  = {473},
  pages   = {194--198},
  year    = {2011},
  doi     = {10.1038/nature10012}
}
@misc{cai2014practical,
  author        = {Cai, Jun and Macready, William G. and Roy, Aidan},
  title         = {A practical heuristic for finding graph minors},
  year          = {2014},
  eprint        = {1406.2741},
  archivePrefix = {arXiv}
}
"""


class LeapQPU(Several):
    """A quantum computer of Leap.

    Arguments:
        sampler: for rehearsals: a ``dimod.Structured`` sampler in place of the service, such as
            ``dwave.system.testing.MockDWaveSampler()``. Embedding, chains and reading are the
            same; nothing is sent, journalled or charged, and no token is needed.

    Raises:
        BackendOptionError: the sampler is one that is charged for.
    """

    name: ClassVar[str] = NAME
    qpu: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ("dwave-system", "dwave-cloud-client", "dimod")
    # there is a largest block, and no largest problem
    capabilities: ClassVar[Capabilities] = Capabilities(stochastic=True, metered=True)
    Options: ClassVar[type[BackendOptions]] = LeapQPUOptions
    citation: ClassVar[str] = CITATION

    def __init__(self, sampler: Any = None) -> None:
        found = paid_by(sampler, by_properties=False)
        if found is not None:  # it would be charged without budget and journal
            raise BackendOptionError(
                f"backend {self.name!r}: the sampler of a rehearsal is charged for ({found})",
                backend=self.name,
                remedy="leave `sampler` out: the chip is asked all the same, with a budget and a "
                "journal; `solver_name` chooses it",
            )
        self._sampler = sampler
        self._placed: dict[str, list[tuple[list[int], Embedding]]] = {}

    def kind(self, problem: Problem, options: Any) -> str:
        """Always "qpu"; a wanted count is not looked at, as the capabilities say."""
        widest = len(components(problem)[0]) if problem.n > LARGEST else problem.n
        if widest > LARGEST:
            block = f"{widest} variables" if widest == problem.n else f"a block of {widest}"
            raise BackendUnsuitable(
                f"backend {self.name!r}: {block}, and chips of today embed at most about {LARGEST} "
                "that are densely coupled; nothing was sent",
                backend=self.name,
                remedy="use 'leap', or solve it in parts: 'decompose:leap-qpu'",
            )
        return "qpu"

    def determines(self, options: Any) -> dict[str, Any]:
        """The service and the options of sampling, as they were asked for."""
        names = ("num_reads", "annealing_time", "chain_strength")
        asked = service_of(options) | {name: getattr(options, name) for name in names}
        for name in ("parameters", "embedding"):
            if getattr(options, name) is not None:  # keys of earlier journals stay what they were
                asked[name] = json.dumps(getattr(options, name), sort_keys=True, default=str)
        return asked

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """By the size of the widest block; the charge depends on the embedding and so on the
        chip."""
        base = super().applicability(problem, options)
        if not base.applicable:
            return base
        try:
            self.kind(problem, options)
            self._check_labels(problem, options or self.Options())
        except BackendUnsuitable as error:
            return Applicability(False, reason=error.message, remedy=error.remedy)
        note = "the charge is known once the problem is embedded: `dry_run` tells it, at no charge"
        return Applicability(True, reason=note)

    def solve(self, problem: Problem, options: Any) -> Solution:
        """Sample on the chip, or on the rehearsal's sampler; blocks side by side."""
        if problem.n == 0:
            return super().solve(problem, options)
        began = time.monotonic()
        self.kind(problem, options)
        self._check_labels(problem, options)
        if self._sampler is not None:
            return self._rehearsed(problem, options, began)
        return super().solve(problem, options)

    def charges(self, options: BackendOptions) -> bool:
        """A rehearsal is charged to nobody."""
        return self._sampler is None

    def plan(self, problem: Problem, options: Any, kind: str, solver: Any) -> Plan:
        """Embed the problem, and estimate the charge by the solver's own timing model.

        Raises:
            Overfull: its blocks need several submissions.
        """
        given = options.parameters or {}
        Wanted(given, options, self.name, solver.name, solver.properties).check()
        chip = Chip.of(
            solver.nodes, solver.undirected_edges, solver.properties.get("topology") or {}
        )
        blocks = components(problem)
        places = self._places(problem, blocks, options, chip, solver.properties)
        if len(places) > 1:
            groups, each = [], []
            found = {}
            for numbers, embedding in places:
                groups.append(np.sort(np.concatenate([blocks[number] for number in numbers])))
                qubits = sum(map(len, embedding.values()))
                own = part(problem, groups[-1])
                at = {int(p): i for i, p in enumerate(groups[-1])}
                chains = {at[v]: chain for v, chain in embedding.items()}
                found[self._structure(own, options, chip)] = [(list(range(len(numbers))), chains)]
                each.append(self._estimate(own, len(numbers), qubits, options, solver))
            # each is embedded as it was estimated
            self._placed |= found
            raise Overfull(groups, summed(problem, each))
        layout = self._layout(problem, blocks, places[0][1], options, chip, solver.properties)
        estimate = self._estimate(problem, len(blocks), layout.qubits, options, solver)
        target = layout.target(problem)
        params = _sampling(options) | dict(given)
        told = over_qubits(params, problem, layout)

        def send(data: str | None, label: str) -> Any:
            return solver.sample_bqm(target, label=label, **told)

        return Plan(estimate, params, send, extra=layout.as_data() | _search(options))

    def read(self, problem: Problem, job: Job, samples: dimod.SampleSet) -> Read:
        """Verify the answer over the qubits, let each chain vote, and rank the blocks' reads."""
        layout = Layout.from_data(job.extra)
        bits, wrong = read_answer(samples, layout.target(problem))
        rows = understood(samples, bits, wrong, job)
        if wrong is not None:
            return rows
        values, occurrences, broken = voted(layout, problem, bits, rows.occurrences)
        blocks = components(problem)
        values, occurrences = by_rank(problem, blocks, values, occurrences)
        info = dict(rows.info) | {"chain_break_fraction": broken, "blocks": len(blocks)}
        if len(blocks) > 1:
            info["rows"] = "reads of the blocks, put side by side by rank"
        return dataclasses.replace(rows, bits=values, occurrences=occurrences, info=info)

    def _solution(
        self, problem: Problem, options: Any, job: Job, began: float, **how: Any
    ) -> Solution:
        found = super()._solution(problem, options, job, began, **how)
        found.samples.info.update(seen(problem, job, found))
        return found

    def _rehearsed(self, problem: Problem, options: Any, began: float) -> Solution:
        sampler = self._sampler
        properties = sampler.properties
        name = type(sampler).__name__
        given = options.parameters or {}
        names = getattr(sampler, "parameters", None)
        Wanted(given, options, self.name, name, properties, names).check()
        chip = Chip.of(sampler.nodelist, sampler.edgelist, properties.get("topology") or {})
        blocks = components(problem)
        groups, answers = [], []
        for numbers, embedding in self._places(problem, blocks, options, chip, properties):
            positions = np.sort(np.concatenate([blocks[number] for number in numbers]))
            whole = len(numbers) == len(blocks)
            own = problem if whole else part(problem, positions)
            at = {int(p): i for i, p in enumerate(positions)}
            chains = {at[v]: chain for v, chain in embedding.items()}
            layout = self._layout(own, components(own), chains, options, chip, properties)
            params = over_qubits(_sampling(options) | dict(given), own, layout)
            samples = sampler.sample(layout.target(own), **params)
            samples.resolve()
            job = Job(
                key="",
                label="rehearsal",
                state=State.ANSWERED,
                backend=self.name,
                kind="qpu",
                solver=name,
                n=own.n,
                extra=layout.as_data() | _search(options),
            )
            answers.append(self._read_rehearsal(own, options, job, samples, began))
            groups.append(positions)
        if len(answers) == 1:
            return answers[0]
        return together(problem, groups, answers, options, began)

    def _read_rehearsal(
        self, problem: Problem, options: Any, job: Job, samples: dimod.SampleSet, began: float
    ) -> Solution:
        read = self.read(problem, job, samples)
        if read.error is not None:
            raise read.error
        found = solution(
            problem,
            job,
            read,
            began,
            stopped=Stopped.COMPLETED,
            versions=installed(self.packages),
            options=options.public(),
        )
        found.samples.info.update(seen(problem, job, found))
        # whatever a stand-in says that it charges
        return dataclasses.replace(found, timings=dataclasses.replace(found.timings, access=0.0))

    def _check_labels(self, problem: Problem, options: Any) -> None:
        state = (options.parameters or {}).get("initial_state")
        if isinstance(state, Mapping):
            names = {str(key): value for key, value in state.items()}
            check_labels(names, problem.variables, "the parameter 'initial_state'", self.name)
        if options.embedding is not None:
            check_labels(options.embedding, problem.variables, "the option 'embedding'", self.name)

    def _places(
        self,
        problem: Problem,
        blocks: Sequence[Positions],
        options: Any,
        chip: Chip,
        properties: Mapping[str, Any],
    ) -> list[tuple[list[int], Embedding]]:
        """The blocks of each submission, and where they lie."""
        row, col, _ = problem.quadratic
        if options.embedding is not None:
            chains = {i: options.embedding[str(v)] for i, v in enumerate(problem.variables)}
            pairs = zip(row.tolist(), col.tolist(), strict=True)
            found = check_embedding(chains, problem.variables, pairs, chip, self.name)
            return [(list(range(len(blocks))), found)]
        # biases do not matter, so the calls of a search need one embedding
        key = self._structure(problem, options, chip)
        if key in self._placed:
            return self._placed[key]
        left = list(range(len(blocks)))
        deadline = time.monotonic() + options.embedding_timeout
        places: list[tuple[list[int], Embedding]] = []
        while left:
            here = [blocks[number] for number in left]
            seconds = max(deadline - time.monotonic(), 0.0)
            found, over = place(problem, here, chip, options.embedding_seed, seconds)
            if len(over) == len(left):
                widest = part(problem, here[over[0]])
                raise BackendUnsuitable(
                    f"backend {self.name!r}: no embedding of {widest.n} variables with "
                    f"{len(widest.quadratic[2])} couplings on {len(chip.nodes)} qubits was found "
                    f"in {options.embedding_timeout:g} s; nothing was sent",
                    backend=self.name,
                    remedy="raise `embedding_timeout`, try another `embedding_seed`, or use 'leap'",
                )
            places.append(([left[i] for i in range(len(left)) if i not in set(over)], found))
            left = [left[i] for i in over]
        if key not in self._placed and len(self._placed) >= _KEPT:
            self._placed.clear()
        self._placed[key] = places
        return places

    def _structure(self, problem: Problem, options: Any, chip: Chip) -> str:
        """What an embedding is looked for: the couplings, whatever their biases."""
        row, col, _ = problem.quadratic
        digest = hashlib.sha256(row.tobytes() + b" " + col.tobytes()).hexdigest()
        return f"{chip.digest()} {options.embedding_seed} {problem.n} {digest}"

    def _layout(
        self,
        problem: Problem,
        blocks: Sequence[Positions],
        embedding: Embedding,
        options: Any,
        chip: Chip,
        properties: Mapping[str, Any],
    ) -> Layout:
        scaled = (options.parameters or {}).get("auto_scale", True)
        return lay(
            problem,
            blocks,
            embedding,
            chip,
            options.chain_strength,
            ranges=properties,
            scaled=scaled,
        )

    def _estimate(
        self, problem: Problem, blocks: int, qubits: int, options: Any, solver: Any
    ) -> Estimate:
        charge, note = None, ""
        params = _sampling(options) | dict(options.parameters or {})
        try:
            charge = solver.estimate_qpu_access_time(qubits, **params) * 1e-6
        except (KeyError, ValueError):
            note = "the solver does not say how long it takes"
        return Estimate(
            solver=solver.name,
            qubits=qubits,
            charge_s=charge,
            note=note,
            blocks=blocks,
            submissions=1,
            **shape(problem, "qpu"),
        )


def _search(options: Any) -> dict[str, Any]:
    """How the embedding was looked for; for D-Wave's inspector."""
    if options.embedding is not None:
        return {"embedding_parameters": {}}
    about = {"random_seed": options.embedding_seed, "timeout": options.embedding_timeout}
    return {"embedding_parameters": about}


def _sampling(options: Any) -> dict[str, Any]:
    params = {"num_reads": options.num_reads, "annealing_time": options.annealing_time}
    return {name: value for name, value in params.items() if value is not None}
