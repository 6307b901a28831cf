"""Encoder and index of a roster: opened, and made first where they are missing or stale."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from delegate_cli.agents import Roster
from delegate_cli.calibrating import keep
from delegate_cli.encoders import Encoder, catalog, tuned
from delegate_cli.encoders.catalog import EncoderSource
from delegate_cli.errors import EncoderError, IndexUnavailable
from delegate_cli.index import outcomes, store
from delegate_cli.index.calibration import Label
from delegate_cli.loaded import Loaded
from delegate_cli.policy.outcomes import Outcomes
from delegate_cli.settings import Settings

if TYPE_CHECKING:
    from delegate_cli.calibrating.fit import Calibration
    from delegate_cli.fitting import HeldOut
    from delegate_cli.skills.known import Known


@dataclass(frozen=True, slots=True)
class Opener:
    """What opens the index of one roster; its arguments are those of `pipeline.Delegator`."""

    roster: Roster
    settings: Settings
    home: Path
    may_build: bool
    progress: Callable[[str, int, int], None]
    say: Callable[[str], None]
    loaded_encoder: Encoder | None
    without: frozenset[str]

    def folder(self, encoder: Encoder) -> Path:
        """Of this roster's index."""
        return store.folder_of(self.home, self.roster, encoder.fingerprint)

    def ground(self, encoder: Encoder) -> keep.Ground:
        """What a calibration of this index is made for."""
        tuned_on = tuned.tasks_of(self.home, self.roster, encoder.fingerprint)
        return keep.Ground(self.folder(encoder), self.roster, self.settings, self.progress, self.say, tuned_on)

    def fresh(self, encoder: Encoder, labels: Sequence[Label]) -> Sequence[Label]:
        """Without the labelled tasks that the encoder was tuned on."""
        return keep.fresh(self.ground(encoder), labels)

    def source(self) -> EncoderSource:
        """What the setting names, with what was tuned for this roster."""
        return tuned.source_for(self.settings.encoder, self.home, self.roster)

    def encoder(self) -> Encoder:
        """The compiled encoder, which is compiled first when it is missing."""
        if self.loaded_encoder is not None:
            return self.loaded_encoder
        source = self.source()
        if source.endpoint is not None:
            from delegate_cli.encoders.remote import RemoteEncoder  # the openai SDK: 0.6 s

            local_only = any(agent.local_only for agent in self.roster)
            return RemoteEncoder(source, self.home, self.settings, local_only, self.say)
        from delegate_cli.encoders.onnx import open_encoder  # onnxruntime and tokenizers: 70 ms

        folder = source.folder(self.home)
        damaged = False
        if catalog.read_facts(folder) is not None:
            try:
                return open_encoder(folder)
            except EncoderError:
                if not self.may_build:
                    raise
                damaged = True
        if not self.may_build:
            raise IndexUnavailable(f"the encoder {source.name} is not compiled", "run: delegate index rebuild")
        source.make_room(self.home)
        from delegate_cli.encoders.compile import compile_encoder  # sentence-transformers and torch: 7–16 s

        return open_encoder(compile_encoder(source, self.home, self.say, damaged))

    def open(self) -> Loaded:
        """The index with its calibration; made first when it is missing or stale.

        Raises:
            IndexUnavailable: there is none and none may be made, or others keep replacing it.
        """
        encoder = self.encoder()
        folder = self.folder(encoder)
        problem = ""
        for attempt in range(4):  # others may replace the index between its making and its reading
            try:
                loaded = Loaded(encoder, store.open_index(folder, self.roster, encoder.fingerprint))
                self.roster.hear_as(loaded.index.manifest["unheard"])
                loaded.skills = self._skills(encoder)
                return keep.attach(loaded, folder, self.say)
            except store.Unusable as reason:
                problem = str(reason)
            if not self.may_build:
                break
            if attempt == 0:
                self.say(f"building the index ({problem})")
            self.build(encoder, force=attempt > 0)
        raise IndexUnavailable(f"no usable index: {problem}", "run: delegate index rebuild")

    def _skills(self, encoder: Encoder) -> "Known | None":
        """The skill profiles that were inferred for this roster."""
        folder = store.folder_of(self.home, self.roster)
        if not (folder / "SKILLS").exists():
            return None
        from delegate_cli.skills.known import for_route

        try:
            return for_route(folder, self.roster, encoder.fingerprint)
        except store.Unusable as reason:
            self.say(f"skill profiles left out: {reason} (run: delegate skills infer)")
            return None

    def outcomes(self, ready: Loaded) -> Outcomes | None:
        """What became of earlier tasks, where that is known."""
        try:
            kept = outcomes.read(self.folder(ready.encoder), ready.encoder.fingerprint)
        except (store.Unusable, KeyError, ValueError) as reason:
            said = str(reason) if isinstance(reason, store.Unusable) else "it is damaged"
            self.say(f"outcomes of earlier tasks left out: {said} (run: delegate learn)")
            return None
        return None if kept is None else Outcomes(kept.vectors, kept.agents, kept.success.astype(np.float64))

    def build(self, encoder: Encoder, force: bool) -> dict[str, Any]:
        """Make the index and return its manifest."""
        from delegate_cli.fitting import fit_roster  # scikit-learn and scipy: 1 s
        from delegate_cli.index.build import build_index

        folder = self.folder(encoder)
        held_out: list[HeldOut] = []
        fit = partial(fit_roster, target_error=self.settings.target_error, without=self.without, keep=held_out.append)
        renew = partial(keep.renew, ground=self.ground(encoder), encoder=encoder, held_out=held_out)
        build_index(folder, self.roster, encoder, fit, self.progress, force, renew)
        manifest = store.read_manifest(folder)
        for agent, left_out in manifest["strangers"].items():
            self.say(f"left out of {agent}: {len(left_out)} texts that lie with many other agents")
        return manifest

    def calibrate(self, labels: Sequence[Label], facts: Mapping[str, Any], store_it: bool) -> "Calibration":
        """Fit what can be fitted on labelled tasks, and keep it with the index where it is no worse (`keep.make`)."""
        return keep.make(self.ground(self.encoder()), self.open, labels, facts, store_it)
