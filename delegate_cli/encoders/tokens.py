"""Texts → ids of a tokenizer.json, for what trains on tokens. Control words are only what the caller puts there."""

from pathlib import Path

import tokenizers

from delegate_cli.errors import EncoderError

FILE = "tokenizer.json"


class Tokenizer:
    """A tokenizer of a file, or of a folder that has one.

    Raises:
        EncoderError: there is none, or it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / FILE if path.is_dir() else path
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(self.path))
        except Exception as error:  # the library raises a bare Exception
            reason = f"{self.path} is no tokenizer ({str(error)[:100]})"
            raise EncoderError(reason, "name a tokenizer.json, or a folder that has one") from None
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def data(self, text: str) -> list[int]:
        """A text that somebody wrote: its control words are plain text."""
        return self._ids(text, plain=True)

    def frame(self, text: str) -> list[int]:
        """A text of our own: control words that the tokenizer knows are one token each."""
        return self._ids(text, plain=False)

    def _ids(self, text: str, plain: bool) -> list[int]:
        self._tokenizer.encode_special_tokens = plain
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids
