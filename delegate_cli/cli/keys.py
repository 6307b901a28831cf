"""Single keys from a terminal, and lines."""

import codecs
import os
import re
import sys
from typing import Any

from delegate_cli.cli import streams

ESCAPE, END = "\x1b", ""
_ENDS = ("\x04", "\x1a", "\0")  # Ctrl-D, Ctrl-Z where it is a character, and a Ctrl-D that was typed ahead
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.)")  # arrows and the like
_LINE_ENDS = re.compile("\r\n|\r|\n")


class Keys:
    """Reads stdin; within `with` keys come one by one and unseen, and afterwards the terminal is as it was before.

    Ctrl-C still interrupts. Where stdin has no such mode, a key is the first character of a line.
    """

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        self._pending = ""  # typed ahead
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._before: list[Any] | None = None

    def __enter__(self) -> "Keys":
        try:
            import termios
        except ImportError:  # not on Windows
            return self
        try:
            self._before = termios.tcgetattr(self._descriptor)
        except termios.error:
            return self
        self._single()
        return self

    def __exit__(self, *_: object) -> None:
        self._as_before()

    def key(self) -> str:
        """The next key; ESCAPE for that key, END at the end of input. Other special keys are passed over."""
        while not self._pending:
            data = os.read(self._descriptor, 256)
            if not data:
                return END
            text = _SEQUENCE.sub("", self._decode(data))
            self._pending = text if self._before is not None else text.strip()[:1] or "\n"
        found, self._pending = self._pending[0], self._pending[1:]
        return END if found in _ENDS else found

    def line(self, question: str) -> str | None:
        """A line, edited as the terminal does it; None at the end of input."""
        sys.stderr.write(question)
        sys.stderr.flush()
        text, self._pending = self._pending, ""
        self._as_before()
        try:
            while not _LINE_ENDS.search(text):
                data = os.read(self._descriptor, 4096)
                if not data:
                    return text.strip() or None
                text += self._decode(data)
        finally:
            self._single()
        found, self._pending = _LINE_ENDS.split(text, maxsplit=1)
        return found.strip()

    def _single(self) -> None:
        if self._before is None:
            return
        import termios

        mode = [*self._before[:6], [*self._before[6]]]
        mode[3] &= ~(termios.ECHO | termios.ICANON)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, mode)  # keeps what was typed ahead

    def _as_before(self) -> None:
        if self._before is None:
            return
        import termios

        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)


def interactive() -> bool:
    """Whether somebody can answer and see what is asked, and nothing waits for a list."""
    return all(streams.is_terminal(each) for each in (sys.stdin, sys.stdout, sys.stderr))
