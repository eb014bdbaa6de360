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
    """

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message}\n  Mend: {self.remedy}"


class AmountError(SecateurError):
    """The amount to prune cannot be met or understood."""


class ConstraintError(SecateurError):
    """A demand on the variables of a problem is wrong, or cannot be met together with others."""


class NetworkError(SecateurError):
    """The network cannot be pruned, traced, imported or trusted."""


class DataError(SecateurError):
    """The data do not fit the network, or are missing or not finite."""


class MetricError(SecateurError):
    """A loss or metric returned something that is not a finite number per sample."""


class TaskError(SecateurError):
    """A task cannot be imported or built, or what was built is none."""


class OptionError(SecateurError):
    """An option is unknown or out of its range."""


class FileError(SecateurError):
    """A file or folder is missing, corrupt, or in the way."""


class StaleError(SecateurError):
    """What was measured does not belong to this network or these data."""


class StoreError(SecateurError):
    """The store of a study cannot be opened, read or written."""


class MissingExtra(SecateurError, ImportError):
    """What was asked for needs a package that only an extra brings.

    It is an ``ImportError`` too, because a name that is imported from ``secateur`` may raise it.
    """


class StageFailed(SecateurError):
    """An objective or a refiner cannot be imported, raised, or returned what is not true."""


class CertificateError(SecateurError):
    """A certificate does not prove what it claims, or is no certificate.

    Arguments:
        where: the first place that is wrong, "block 3, node 17, k = 9".
    """

    def __init__(self, message: str, *, where: str, remedy: str | None = None) -> None:
        super().__init__(f"{where}: {message}", remedy=remedy)
        self.where = where


class BackendError(SecateurError):
    """Something about a backend.

    Arguments:
        backend: the name of the backend, as its entry point gives it.
    """

    def __init__(self, message: str, *, backend: str, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.backend = backend


class BackendNotFound(BackendError):
    """No backend is registered under this name."""


class BackendConflict(BackendError):
    """Two distributions register a backend under one name."""


class BackendUnavailable(BackendError):
    """The backend is registered but cannot be used: not installed, not licensed, not reachable."""


class BackendOptionError(BackendError):
    """An option of a backend is unknown or out of its range."""


class BackendUnsuitable(BackendError):
    """The backend cannot take this problem."""


class BackendBudgetSpent(BackendUnsuitable):
    """The budget of a metered backend does not allow this call, or not one more."""


class BackendFailed(BackendError):
    """The backend raised or did not finish."""


class BackendMisbehaved(BackendError):
    """The backend returned something that is not true: a wrong count, label, energy or bound."""
