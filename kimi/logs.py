"""Log lines of both processes: one JSON object a line, or text for people at a console, and never a secret.

Everything goes through the standard library's root logger, so that gunicorn, urllib3 and redis look the same.
"""

from __future__ import annotations

import json
import logging.config
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, BinaryIO, Final

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from kimi.redaction import redact
from kimi.settings import LogFormat, LogLevel

_LEADING: Final = ("timestamp", "level", "event", "logger")
_SECRET_FIELDS: Final = frozenset(
    {"token", "access_token", "refresh_token", "api_key", "authorization", "cookie", "password", "secret"}
)
_LINE_LIMIT: Final = 2_000
_SHORT: Final = 128
"""Texts up to so many characters are remembered once they are clean: most of a line was in other lines before."""
_HARMLESS: Final = frozenset({int, float, bool, type(None)})

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(level: LogLevel, form: LogFormat) -> None:
    """Send every log line of this process, ours and libraries', to stderr in the form asked for.

    Ours take the short way: through the standard library, a line costs six times as much.
    """
    logging.config.dictConfig(dict_config(level, form))
    structlog.configure(
        processors=[*_SHARED, *_finish(form)],
        logger_factory=_Stderr(sys.stderr.buffer, logging.getLevelNamesMapping()[level.upper()], form),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )


def writer(
    logger: str, event: str, *, for_people: Callable[[Mapping[str, Any]], str] | None = None
) -> Callable[[int, dict[str, Any]], None]:
    """Writes lines of one sort, of a level and with fields: as `log` of a logger does, for a third of the cost.

    `configure` comes before. What the context of a line would add to it is left out.
    On a console `for_people` makes the line out of its fields.
    """
    end = structlog.get_config()["logger_factory"]
    if isinstance(end, _Stderr) and end.form == "json":
        return partial(_write_json, end(logger), end.level, event)
    if isinstance(end, _Stderr) and for_people is not None:
        return partial(_write_console, end(logger), end.level, for_people)
    log = structlog.stdlib.get_logger(logger).bind()  # once: it costs as much as a short line
    return lambda level, fields: log.log(level, event, **fields)


def _write_json(lines: _Lines, least: int, event: str, level: int, fields: dict[str, Any]) -> None:
    if level >= least:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        head = {"timestamp": now, "level": logging.getLevelName(level).lower(), "event": event, "logger": lines.name}
        lines.info(_json(head | _clean_mapping(fields), str))


def _write_console(
    lines: _Lines, least: int, for_people: Callable[[Mapping[str, Any]], str], level: int, fields: dict[str, Any]
) -> None:
    if level >= least:
        lines.info(_indented(f"{_clock()} {for_people(_clean_mapping(fields))}"))


def _clock() -> str:
    """The time of day where the console is."""
    return datetime.now().astimezone().strftime("%H:%M:%S")


@dataclass(frozen=True, slots=True)
class _Stderr:
    """Where lines end that are of `level` or above, by the names of their loggers."""

    stream: BinaryIO
    level: int
    form: LogFormat

    def __call__(self, name: str = "root") -> _Lines:
        return _Lines(self.stream, name)


class _Lines:
    """Writes lines that are complete, each with one call, so that lines of other threads cannot come into it."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self._stream = stream

    def info(self, line: str) -> None:
        """Writes `line`. What cannot be written is lost: no request may fail for it."""
        with suppress(OSError, ValueError):  # ValueError: closed
            self._stream.write(line.encode(errors="backslashreplace") + b"\n")
            self._stream.flush()

    debug = warning = error = critical = exception = info


def dict_config(level: LogLevel, form: LogFormat) -> dict[str, Any]:
    """The same as a dictionary for `logging.config.dictConfig`; gunicorn takes it as `logconfig_dict`."""
    plain: dict[str, Any] = {"level": "NOTSET", "handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structlog": {"()": lambda: _formatter(form)}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structlog", "stream": "ext://sys.stderr"}
        },
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": plain,
            "gunicorn.access": plain,
            "urllib3.connection": {"level": "ERROR"},  # warns, with a traceback, of headers that were cut off
        },
    }


def _formatter(form: LogFormat) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(_SHARED),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_finish(form)],
    )


def _finish(form: LogFormat) -> tuple[Processor, ...]:
    return structlog.processors.format_exc_info, without_secrets, _renderer(form)


def _renderer(form: LogFormat) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    render = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
    )
    return lambda logger, method, event: _indented(str(render(logger, method, {**event, "timestamp": _clock()})))


def _indented(lines: str) -> str:
    """All but the first line is indented, so that nothing that is logged looks like a line of its own."""
    return lines.replace("\n", "\n    ")


def _json(event: EventDict, default: Callable[[Any], Any], **_: Any) -> str:
    try:
        return orjson.dumps(event, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair or a very large number: rare, and no reason to lose the line
        return json.dumps(event, default=default)


def without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact everything in a log line that looks like a secret, and put the fields that all lines have first."""
    clean = _clean_mapping(event)
    return {name: clean.pop(name) for name in _LEADING if name in clean} | clean


def _clean_mapping(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(name): value if type(value) in _HARMLESS else _clean_field(name, value) for name, value in fields.items()
    }


def _clean_field(name: Any, value: Any) -> Any:
    return "[redacted]" if name in _SECRET_FIELDS and isinstance(value, str) else _clean(value)


def _clean(value: Any) -> Any:
    if type(value) in _HARMLESS:
        return value
    if isinstance(value, str):
        return _clean_short(value) if len(value) <= _SHORT else _clean_text(value)
    if isinstance(value, Mapping):
        return _clean_mapping(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return _clean_text(str(value))


@lru_cache(maxsize=1_024)
def _clean_short(text: str) -> str:
    return _clean_text(text)


def _clean_text(text: str) -> str:
    if text.isprintable():  # and so on one line
        return _clean_line(text)
    return "\n".join(_clean_line(line) for line in text.splitlines())


def _clean_line(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return indent + redact(line, limit=_LINE_LIMIT)
