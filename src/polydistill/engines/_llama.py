"""llama.cpp's own calls behind a few plain ones: a model with its tokenizer, and a context that computes logits."""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..component import missing_extra
from . import BadModel

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 512
"""Tokens that are computed at a time."""
ALL_LAYERS = 1 << 20
ERROR = 3
"""The level of errors in llama.cpp's log."""


@contextmanager
def loaded(path: Path, gpu_layers: int = -1, vocabulary_only: bool = False) -> Iterator[tuple[Any, "GgufTokenizer"]]:
    """A model with its tokenizer for the length of a ``with`` block.

    Raises:
        ModuleNotFoundError: llama-cpp-python is not installed.
        BadModel: llama.cpp cannot load the file.
    """
    try:
        import llama_cpp
    except ImportError:
        raise ModuleNotFoundError(missing_extra("llama-cpp-python", "llama-cpp")) from None
    errors, _ = _log()
    errors.clear()
    llama_cpp.llama_backend_init()
    wanted = llama_cpp.llama_model_default_params()
    wanted.vocab_only = vocabulary_only
    wanted.n_gpu_layers = gpu_layers if gpu_layers >= 0 else ALL_LAYERS
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), wanted)
    if not model:
        raise BadModel(f"llama.cpp cannot load {path}: {' '.join(errors[:1]) or 'no reason given'}")
    try:
        yield model, GgufTokenizer(model, str(path))
    finally:
        llama_cpp.llama_model_free(model)


@functools.cache
def _log() -> tuple[list[str], Any]:
    """The errors that llama.cpp tells, in place of what it prints; and who hears them, kept for as long as they speak."""
    import llama_cpp

    errors: list[str] = []

    @llama_cpp.llama_log_callback
    def hear(level: int, text: bytes, _: Any) -> None:
        if level == ERROR:
            errors.append(text.decode("utf-8", "replace").strip())

    llama_cpp.llama_log_set(hear, None)
    return errors, hear


class GgufTokenizer:
    """The tokenizer and the chat template inside a GGUF file, with as much of a transformers tokenizer as `Template` needs."""

    def __init__(self, model: Any, name: str):
        import llama_cpp

        self._c, self.name_or_path = llama_cpp, name
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        template = llama_cpp.llama_model_chat_template(model, None)
        self.chat_template = template.decode("utf-8") if template else None
        self.bos_token_id = self._known(llama_cpp.llama_vocab_bos(self._vocab))
        self.eos_token_id = self._known(llama_cpp.llama_vocab_eos(self._vocab))
        self.unk_token_id = None  # is not among the added tokens here
        self.bos_token, self.eos_token = self._text(self.bos_token_id), self._text(self.eos_token_id)
        self.all_special_tokens = [token for token in (self.bos_token, self.eos_token) if token is not None]

    @property
    def size(self) -> int:
        return self._c.llama_vocab_n_tokens(self._vocab)

    @functools.cached_property
    def ends(self) -> frozenset[int]:
        """Every token that llama.cpp takes for the end of a generation."""
        return frozenset(id for id in range(self.size) if self._c.llama_vocab_is_eog(self._vocab, id))

    @functools.cached_property
    def added_tokens_decoder(self) -> dict[int, Any]:
        from tokenizers import AddedToken

        c, found = self._c, {}
        for id in range(self.size):
            attribute = c.llama_vocab_get_attr(self._vocab, id)
            if attribute & (c.LLAMA_TOKEN_ATTR_CONTROL | c.LLAMA_TOKEN_ATTR_USER_DEFINED):
                found[id] = AddedToken(self._text(id) or "", special=bool(attribute & c.LLAMA_TOKEN_ATTR_CONTROL))
        return found

    def encode(self, text: str, add_special_tokens: bool = False, split_special_tokens: bool = False) -> list[int]:
        given = text.encode("utf-8", "replace")
        ids = (self._c.llama_token * (len(given) + 8))()
        count = self._c.llama_tokenize(
            self._vocab, given, len(given), ids, len(ids), add_special_tokens, not split_special_tokens
        )
        if count < 0:
            raise RuntimeError(f"llama.cpp cannot tokenize a text of {len(given)} bytes ({count})")
        return list(ids[:count])

    def decode(self, ids: list[int], skip_special_tokens: bool = True) -> str:
        given, room = (self._c.llama_token * len(ids))(*ids), 64 * len(ids) + 64
        while True:
            text = ctypes.create_string_buffer(room)
            count = self._c.llama_detokenize(self._vocab, given, len(ids), text, room, False, not skip_special_tokens)
            if count >= 0:
                return text.raw[:count].decode("utf-8", "replace")
            room = -count

    def apply_chat_template(self, turns: list[dict[str, str]], chat_template: str, tokenize: bool, **values: Any) -> str:
        from transformers.utils.chat_template_utils import render_jinja_template

        assert not tokenize
        known = {name: token for name, token in (("bos_token", self.bos_token), ("eos_token", self.eos_token)) if token}
        texts, _ = render_jinja_template(conversations=[turns], chat_template=chat_template, **known, **values)
        return texts[0]

    def _text(self, id: int | None) -> str | None:
        return None if id is None else self._c.llama_vocab_get_text(self._vocab, id).decode("utf-8", "replace")

    @staticmethod
    def _known(id: int) -> int | None:
        return None if id < 0 else id


class LlamaContext:
    """What a model has read so far, as one sequence of tokens."""

    def __init__(self, model: Any, tokens: int, threads: int):
        import llama_cpp

        self._c = llama_cpp
        self.tokens = min(tokens, llama_cpp.llama_model_n_ctx_train(model))
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
        wanted = llama_cpp.llama_context_default_params()
        wanted.n_ctx, wanted.n_batch, wanted.n_ubatch = self.tokens, BATCH, BATCH
        wanted.n_threads = wanted.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(model, wanted)
        if not self._context:
            raise BadModel(f"llama.cpp has no memory for a context of {self.tokens} tokens; set a smaller model.context")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(BATCH, 0, 1)

    def close(self) -> None:
        """Frees what llama.cpp holds."""
        self._c.llama_batch_free(self._batch)
        self._c.llama_free(self._context)

    def clear(self) -> None:
        """Forgets everything."""
        self._c.llama_memory_clear(self._memory, True)

    def back_to(self, tokens: int) -> bool:
        """Forgets all but the first tokens; False for a model that cannot forget a part."""
        return self._c.llama_memory_seq_rm(self._memory, 0, tokens, -1)

    def read(self, tokens: list[int], at: int, since: int) -> Iterator["Tensor"]:
        """Reads tokens at positions ``at`` and on; yields logits (n, vocabulary) after the ``since``-th on, part by part."""
        import numpy
        import torch

        for begin in range(0, len(tokens), BATCH):
            part, batch = tokens[begin : begin + BATCH], self._batch
            batch.n_tokens = len(part)
            for place, token in enumerate(part):
                batch.token[place], batch.pos[place] = token, at + begin + place
                batch.n_seq_id[place], batch.seq_id[place][0] = 1, 0
                batch.logits[place] = begin + place >= since
            failed = self._c.llama_decode(self._context, batch)
            if failed:
                raise RuntimeError(f"llama.cpp could not compute {len(part)} tokens at position {at + begin} ({failed})")
            wanted = min(len(part), begin + len(part) - since)
            if wanted > 0:
                shape = (wanted, self._vocabulary)
                yield torch.from_numpy(numpy.ctypeslib.as_array(self._c.llama_get_logits(self._context), shape).copy())
