"""Where the Leap token comes from, and how it is kept out of everything that is written.

The order is the one that D-Wave documents for its client: what is given explicitly, then the
environment, then the configuration files. It is read here a second time, without the client,
for three reasons: whether a token is configured has to be known without importing dwave; an error
has to say what was looked at; and a secret can only be kept out of a log if it is known.
"""

from __future__ import annotations

import configparser
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HIDDEN = "[token hidden]"


@dataclass(frozen=True)
class Access:
    """What was found when the token was looked for.

    Arguments:
        token: the token, or None; never printed.
        source: where it was found.
        looked_at: every place that was looked at, in order.
        trouble: a configuration file that cannot be read, or a profile that is not in it.
    """

    token: str | None = field(repr=False, compare=False)
    source: str = ""
    looked_at: tuple[str, ...] = ()
    trouble: str | None = None

    def scrub(self, text: str) -> str:
        """``text`` without the token."""
        return text.replace(self.token, HIDDEN) if self.token else text


def find_access(
    token: str | None = None, profile: str | None = None, config_file: str | None = None
) -> Access:
    """Look for a token: the option, then DWAVE_API_TOKEN, then dwave.conf."""
    looked = ["the option `token`"]
    if token:
        return Access(token, looked[0], tuple(looked))
    looked.append("DWAVE_API_TOKEN")
    # the client reads the file before it looks at the environment, and so fails on a bad file or
    # profile even when the environment has a token; the same is reported here
    section, named, trouble = _read_files(profile, config_file)
    if trouble is None and (found := os.environ.get("DWAVE_API_TOKEN")):
        return Access(found, looked[1], tuple(looked))
    looked.append(named)
    if trouble is not None:
        return Access(None, "", tuple(looked), trouble)
    if found := section.get("token"):
        return Access(found, named, tuple(looked))
    return Access(None, "", tuple(looked))


def _read_files(
    profile: str | None, config_file: str | None
) -> tuple[dict[str, str], str, str | None]:
    """The section that counts, a name for it, and what is wrong."""
    given = config_file or os.environ.get("DWAVE_CONFIG_FILE")
    profile = profile or os.environ.get("DWAVE_PROFILE")
    name = "dwave.conf"
    parser = configparser.ConfigParser(default_section="defaults")
    files = [Path(given)] if given else [p for p in config_paths() if p.exists()]
    if given:
        name = str(given)
    for path in files:
        try:
            parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
        except OSError as error:
            return {}, name, f"the file {path} cannot be read ({error.strerror})"
        except (configparser.Error, UnicodeDecodeError):
            # the parser's own message quotes the line, which may be the one with the token
            return {}, name, f"the file {path} is not a configuration file"
    defaults = parser.defaults()
    chosen = profile or defaults.get("profile") or next(iter(parser.sections()), None)
    name = f"{name} (profile {chosen or 'defaults'!r})"
    if chosen is None:
        return dict(defaults), name, None
    if chosen not in parser and chosen != "defaults":
        return {}, name, f"there is no profile {chosen!r} in it"
    return dict(parser[chosen]), name, None


def config_paths() -> list[Path]:
    """The configuration files of D-Wave's client, the last one wins."""
    try:
        # the small package by which the client finds its folders
        import homebase  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        folders = [config / "dwave"]
    else:
        about: dict[str, Any] = {"app_author": "dwavesystem", "app_name": "dwave"}
        about |= {"use_virtualenv": False, "create": False}
        folders = [Path(p) for p in homebase.site_config_dir_list(**about)]
        folders.append(Path(homebase.user_config_dir(roaming=False, **about)))
    return [folder / "dwave.conf" for folder in [*folders, Path()]]


class _Scrubber(logging.Filter):
    """Takes the token out of a log record before any handler sees it."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def filter(self, record: logging.LogRecord) -> bool:
        # always, not only where the token is seen: the arguments are the client's own dictionaries,
        # and it puts the token into them later
        record.msg, record.args = self._access.scrub(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            text = logging.Formatter().formatException(record.exc_info)
            if (clean := self._access.scrub(text)) != text:
                record.exc_text, record.exc_info = clean, None
        return True


@contextmanager
def hidden_in_logs(access: Access) -> Iterator[None]:
    """Keep the token out of the logs of D-Wave's client, which prints it at level DEBUG.

    Call it once the client is imported: a filter works only on the logger that it is added to,
    not on those below it, so every one of them gets it.
    """
    scrubber = _Scrubber(access)
    names = [n for n in logging.root.manager.loggerDict if n.split(".")[0] in ("dwave", "urllib3")]
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(scrubber)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(scrubber)
