"""Structured logs of ids and kinds only: never a text, a phone number, a token or a name."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    "event level timestamp channel kind state reason id inbox outbox contact conversation case "
    "attempt attempts count seconds status error where port host url version topic exception "
    "rows path method".split()
)
"""Keys a log line may have; any other is dropped, so that no text slips in by mistake."""


def set_up_logs(level: str) -> None:
    """Route structlog and the libraries' loggers to standard error, one line an event."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_allowed,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=_no_exception)
            if sys.stderr.isatty()
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries print request lines and payloads at INFO and tracebacks with values: warnings
    # and worse are kept as bare names of the logger, see _BareName.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_BareName())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _only_allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key in ALLOWED}


def _no_exception(*_: Any) -> None:
    return None


class _BareName(logging.Formatter):
    """A library's record without its message, which may hold an address with a token in it."""

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        return f"{record.levelname} {record.name} {record.funcName}:{record.lineno} {kind}".strip()


def where(error: BaseException) -> str:
    """The place an error was raised, as file:line, without any value of the program."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
