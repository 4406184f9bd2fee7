"""Neural translation models through CTranslate2: NLLB, M2M-100, MADLAD-400, Marian."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from ..component import Beside, Count, missing_extra
from ..models import known_digest
from ..records import Lang, digest
from . import FailedTranslation, NoTranslation, OpenTranslator, Translator
from . import _models as models

END = "</s>"


class CTranslate2(Translator):
    """A model folder as ``ct2-transformers-converter`` writes it, with the model's tokenizer files copied into it.

    The family is read from the vocabulary, and with it how a language is written: ``spa_Latn`` before the translation (NLLB),
    ``__es__`` before the translation (M2M), ``<2es>`` before the source (MADLAD), ``>>spa<<`` before the source (Marian of
    several target languages). A sentence that is longer than ``max_tokens``, or whose translation does not end within them,
    has no translation.

    Checked: the tokens of each family by hand, on tiny random models.
    """

    path: Path
    """The model's folder."""
    pair: tuple[Lang, Lang] | None = None
    """For a Marian model of two languages: which ones, such as ``[eng, spa]``."""
    beam: Count = 4
    """How many candidates are kept at each token; 1 takes the likeliest."""
    max_tokens: Count = 256
    """The longest sentence and the longest translation, in tokens."""
    compute_type: Literal[
        "default", "float32", "float16", "bfloat16", "int8", "int8_float32", "int8_float16", "int8_bfloat16"
    ] = "default"
    """The numbers it computes with; those it was saved with by default."""
    device: Beside[Literal["auto", "cpu", "cuda"]] = "auto"
    """Where it runs."""
    batch_tokens: Beside[Count] = 4096
    """Tokens that are translated together."""

    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        try:
            from ctranslate2 import Translator as Model
        except ModuleNotFoundError:
            raise NoTranslation(missing_extra("ctranslate2", "ct2")) from None
        folder = self.path.expanduser()
        model = Model(str(folder), device=self.device, compute_type=self.compute_type)
        try:
            yield _Open(self, model, models.tokenizer(folder))
        finally:
            model.unload_model()

    def check(self, source: Lang, target: Lang) -> None:
        lacking = next((name for name in ("ctranslate2", "sentencepiece") if find_spec(name) is None), None)
        if lacking:
            raise NoTranslation(missing_extra(lacking, "ct2"))
        if source == target:
            return
        try:
            known = models.known(self.path.expanduser())
        except models.BadFolder as error:
            raise NoTranslation(str(error)) from None
        if self.pair and (source, target) != self.pair:
            raise NoTranslation(f"{self.path} translates {self.pair[0]}-{self.pair[1]}, not {source}-{target}")
        if not known.tokens and not self.pair:
            raise NoTranslation(
                f"{self.path} has no language tokens, so it is for two languages: say which, `pair: [eng, spa]`"
            )
        asked = [target] if known.family in ("madlad", "marian") else [source, target]
        strange = next((lang for lang in asked if known.tokens and known.token(lang) is None), None)
        if strange:
            few = ", ".join(sorted(code for code, _ in known.tokens)[:40])
            raise NoTranslation(f"{self.path} does not know {strange} ({strange.english_name}); it knows {few}")

    def identity(self) -> Any:
        """The folder enters by the content of its files, not by its path."""
        folder = self.path.expanduser()
        files = sorted(path for path in folder.glob("*") if path.is_file() and path.suffix != ".md")
        settings = {"beam": self.beam, "max_tokens": self.max_tokens, "compute_type": self.compute_type, "pair": self.pair}
        content = digest([[path.name, known_digest(path)] for path in files])
        return {self.name(): {"content": content, **settings}, "version": self.version}

    def about(self) -> dict[str, Any]:
        card = self.path.expanduser() / "README.md"
        stated = re.search(r"(?m)^license:\s*(\S+)", card.read_text("utf-8", "replace")) if card.is_file() else None
        return {"name": self.path.name, "licence": stated[1] if stated else "unknown: read the model's card"}


class _Open(OpenTranslator):
    def __init__(self, settings: CTranslate2, model: Any, tokenizer: models.Tokenizer):
        self._settings, self._model, self._tokenizer = settings, model, tokenizer
        folder = settings.path.expanduser()
        self._known, self._ends = models.known(folder), [] if models.adds_end(folder) else [END]

    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        if source == target:
            return list(texts)
        self._settings.check(source, target)
        limit = self._settings.max_tokens
        cut = self._tokenizer.cut(texts)
        fit = [place for place, tokens in enumerate(cut) if 0 < len(tokens) <= limit]
        found: list[str | None] = [None if cut[place] else "" for place in range(len(texts))]
        before, prefix = self._prefixes(source, target)
        try:
            results = self._model.translate_batch(
                [[*before, *cut[place], *self._ends] for place in fit],
                target_prefix=[prefix] * len(fit) if prefix else None,
                max_batch_size=self._settings.batch_tokens, batch_type="tokens", beam_size=self._settings.beam,
                max_input_length=0, max_decoding_length=limit, return_end_token=True,
            )  # fmt: skip
        except (RuntimeError, ValueError) as error:
            raise FailedTranslation(f"{self._settings.path.name}: {error}") from None
        written = [result.hypotheses[0] for result in results]
        texts_of = self._tokenizer.join([tokens[len(prefix) : -1] for tokens in written])
        for place, tokens, text in zip(fit, written, texts_of, strict=True):
            found[place] = text if tokens and tokens[-1] == END else None
        return found

    def _prefixes(self, source: Lang, target: Lang) -> tuple[list[str], list[str]]:
        """The tokens before the source, and those that the translation begins with."""
        from_token, to_token = self._known.token(source), self._known.token(target)
        if self._known.family in ("nllb", "m2m"):
            return [from_token or ""], [to_token or ""]
        return ([to_token] if to_token else []), []
