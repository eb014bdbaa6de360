"""Every error a user can cause, as one tree.

::

    SecateurError
    ├── AmountError            how much to prune: not a number, out of range, empties a layer
    ├── ConstraintError        a demand of a problem: unknown variables, crossed bounds, impossible
    ├── NetworkError           the network: no convolutions, NaN weights, not traceable
    ├── DataError              calibration or test data: wrong shape, NaN, missing files
    ├── MetricError            a loss or metric that returns NaN or the wrong shape
    ├── TaskError              a task that cannot be imported or built, or is none
    ├── OptionError            an option of ours that is unknown or out of range
    ├── FileError              a file or folder: exists already, missing, corrupt, truncated
    ├── StaleError             what was measured belongs to other weights, data or channels
    ├── StoreError             the store of a study: not reachable, damaged, newer, full
    ├── MissingExtra           a package of an extra is not installed; an ImportError too
    ├── StageFailed            an objective or refiner that cannot be imported, raises or lies
    ├── CertificateError       a certificate that does not prove what it claims; knows where
    └── BackendError           anything about a backend; knows its name
        ├── BackendNotFound        no entry point of that name
        ├── BackendConflict        two distributions register one name
        ├── BackendUnavailable     not installed, not licensed, not reachable
        ├── BackendOptionError     an unknown option, or one out of its range
        ├── BackendUnsuitable      cannot take this problem (size, shape)
        │   └── BackendBudgetSpent     a metered one may not be called, or not once more
        ├── BackendFailed          raised, timed out or crashed while solving
        └── BackendMisbehaved      returned something that is not true

Each says what was wrong, with which value (the message), and what to do next (``remedy``).
"""

from __future__ import annotations


class SecateurError(Exception):
    """An error with a remedy; printed by the command line without a traceback.

    Arguments:
        message: what was wrong, with the value.
        remedy: what to do next.

    Cause: raised itself where no narrower kind fits: memory that ran out, a cluster that is not
        there, a table that cannot be made.

    Remedy: do what the line behind `Mend:` says; `except secateur.SecateurError` catches all.
    """

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message}\n  Mend: {self.remedy}"


class AmountError(SecateurError):
    """The amount to prune cannot be met or understood.

    Cause: a share beyond 100 %, a word that is no amount, or more channels than can go without
        emptying a layer; minima, maxima and multiples that leave no width.

    Remedy: ask for less (the message names the most), or loosen what a layer has to keep.
    """


class ConstraintError(SecateurError):
    """A demand on the variables of a problem is wrong, or cannot be met together with others.

    Cause: a demand names variables that the problem has not, its bounds cross, a key of its TOML
        file is misspelt, or no vector keeps all demands at once.

    Remedy: mend the demand that the message names; where several exclude each other, drop or
        loosen one.
    """


class NetworkError(SecateurError):
    """The network cannot be pruned, traced, imported or trusted.

    Cause: `module:factory` is not found or raises, the network has no layer that makes channels,
        its weights are not finite, its forward takes another way at each call, or its own code
        raised while it ran.

    Remedy: import and call the network by itself first; what cannot be followed can be kept
        whole, `--ignore PATH`.
    """


class DataError(SecateurError):
    """The data do not fit the network, or are missing or not finite.

    Cause: a batch is no pair, has another shape than the network takes, holds NaN, or a split is
        empty; photographs that are too small or cannot be read.

    Remedy: look at the first batch by itself; say how a batch is read with `Task(adapter=…)`,
        `Task(targets=…)`.
    """


class MetricError(SecateurError):
    """A loss or metric returned something that is not a finite number per sample.

    Cause: a metric that averages over the batch, gives NaN, or raises on these outputs; a loss
        without curvature where a Fisher matrix is wanted.

    Remedy: return one finite number for each sample; try it on `network(inputs)` and the targets
        of one batch.
    """


class TaskError(SecateurError):
    """A task cannot be imported or built, or what was built is none.

    Cause: `module:factory` is misspelt or not in the current folder, raises, or returns no
        `Task`; a bundled task is misspelt.

    Remedy: call the factory in Python from the same folder; return `secateur.Task(…)`.
    """


class OptionError(SecateurError):
    """An option is unknown or out of its range.

    Cause: a misspelt name or key, a value out of its range, two options that contradict each
        other; a key of a study's file.

    Remedy: take the nearest right one that the message names; `show NAME` and the reference tell
        ranges and defaults.
    """


class FileError(SecateurError):
    """A file or folder is missing, corrupt, or in the way.

    Cause: a path that does not exist, an output that exists already, a file that was cut off, is
        of another format, or does not fit the network; a full or read-only disk.

    Remedy: nothing is overwritten: name a new output. Fetch or write a corrupt file again.
    """


class StaleError(SecateurError):
    """What was measured does not belong to this network or these data.

    Cause: the weights, the data or the channels have changed since `secateur measure`.

    Remedy: measure again, or give what was measured.
    """


class StoreError(SecateurError):
    """The store of a study cannot be opened, read or written.

    Cause: a file that is no database, or of a newer version; a server that is not reachable; a
        disk that is full; a password that is refused.

    Remedy: open the store with its own client; what was stored before stays.
    """


class MissingExtra(SecateurError, ImportError):
    """What was asked for needs a package that only an extra brings.

    It is an ``ImportError`` too, because a name that is imported from ``secateur`` may raise it.

    Cause: secateur was installed without PyTorch, onnxruntime, a solver, or what studies need.

    Remedy: run the line that the message ends with.
    """


class StageFailed(SecateurError):
    """An objective or a refiner cannot be imported, raised, or returned what is not true.

    Cause: a plugin, or a function of your own, has a fault; the message names the line, and whom
        to tell.

    Remedy: mend it, or report it to its distribution; take another stage meanwhile.
    """


class CertificateError(SecateurError):
    """A certificate does not prove what it claims, or is no certificate.

    Cause: it is of another problem or of other demands, was changed, or its prover rounded to the
        wrong side; `where` is the first place that is wrong.

    Remedy: solve again with `--certificate`, with the demands that you verify.

    Arguments:
        where: the first place that is wrong, "block 3, node 17, k = 9".
    """

    def __init__(self, message: str, *, where: str, remedy: str | None = None) -> None:
        super().__init__(f"{where}: {message}", remedy=remedy)
        self.where = where


class BackendError(SecateurError):
    """Something about a backend.

    Cause: never raised itself: one of the classes below is.

    Remedy: catch it where any fault of a backend is meant; `backend` is its name.

    Arguments:
        backend: the name of the backend, as its entry point gives it.
    """

    def __init__(self, message: str, *, backend: str, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.backend = backend


class BackendNotFound(BackendError):
    """No backend is registered under this name.

    Cause: a misspelt name, or a plugin that is not installed in this environment.

    Remedy: `secateur backends` lists what there is; `module:attribute` names a solver that is not
        registered.
    """


class BackendConflict(BackendError):
    """Two distributions register a backend under one name.

    Cause: two plugins are installed that chose the same name.

    Remedy: uninstall one; the message names both.
    """


class BackendUnavailable(BackendError):
    """The backend is registered but cannot be used: not installed, not licensed, not reachable.

    Cause: a package, a licence or a token is missing; the service does not answer or refuses the
        account.

    Remedy: `secateur backends` says for each backend what is missing and what to do.
    """


class BackendOptionError(BackendError):
    """An option of a backend is unknown or out of its range.

    Cause: a misspelt option, a value out of its range, a seed for a backend that takes none.

    Remedy: `secateur backends show NAME` lists its options with their ranges.
    """


class BackendUnsuitable(BackendError):
    """The backend cannot take this problem.

    Cause: more variables, couplings or constraints than it takes, or a size that its licence does
        not allow.

    Remedy: `decompose:NAME` solves parts that fit; or take another backend.
    """


class BackendBudgetSpent(BackendUnsuitable):
    """The budget of a metered backend does not allow this call, or not one more.

    Cause: the call may be charged, and no budget was given or what is left of it is too little;
        nothing was sent.

    Remedy: `--dry-run` says what it would cost; then give a budget (the option `max_charge_s`),
        or `--charge`.
    """


class BackendFailed(BackendError):
    """The backend raised or did not finish.

    Cause: the solver, its service or the network on the way failed, it ran out of time, or its
        process died.

    Remedy: run it again: a paid answer is in the backend's journal and is fetched, not asked for
        anew.
    """


class BackendMisbehaved(BackendError):
    """The backend returned something that is not true: a wrong count, label, energy or bound.

    Cause: a fault in the backend or its plugin; every answer is recomputed, so it was found.

    Remedy: report it to the distribution that the message names, and take another backend.
    """
