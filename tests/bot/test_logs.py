"""Logs hold ids and kinds, never words. Each test runs in a process of its own."""

import json
import subprocess
import sys

from bot.logs import where

MARK = "SECRET-WORDS-OF-A-PERSON"


def written_by(code: str) -> str:
    """What a small program with our logs writes to its standard error."""
    program = f"from bot.logs import set_up_logs\nset_up_logs('INFO')\nMARK = {MARK!r}\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stderr


def test_only_listed_keys_are_written() -> None:
    """What is not on the list is dropped; what is on it is there."""
    line = json.loads(
        written_by(
            "import structlog\n"
            "structlog.get_logger().info('said', text=MARK, contact=7, token=MARK, phone=MARK)"
        )
    )
    line.pop("timestamp")
    assert line == {"event": "said", "level": "info", "contact": 7}


def test_libraries_are_reduced_to_their_names() -> None:
    """A library's message may hold an address with a token in it."""
    written = written_by(
        "import logging\nlogging.getLogger('some.library').warning('POST https://api/%s', MARK)"
    )
    assert "some.library" in written
    assert MARK not in written


def test_a_traceback_of_a_library_holds_no_value() -> None:
    """The kind of the exception is kept, its words are not."""
    written = written_by(
        "import logging\n"
        "try:\n    raise ValueError(MARK)\n"
        "except ValueError:\n    logging.getLogger('some.library').exception('failed %s', MARK)"
    )
    assert "ValueError" in written
    assert MARK not in written


def test_the_place_of_an_error_holds_no_value() -> None:
    """The file and line are named, the words of the exception are not."""
    try:
        raise ValueError(MARK)
    except ValueError as error:
        assert where(error).startswith("test_logs.py:")
        assert MARK not in where(error)
