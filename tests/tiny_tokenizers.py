"""Small tokenizers of the kinds that models have."""

import json
from typing import Any

import tiny
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from polydistill.vocabulary import PROBES

SCRIPTS = {
    "emoji": "🙂👍🏽👩‍👩‍👧‍👦 ok 🇪🇸", "CJK": "你好,世界。こんにちは 안녕", "Devanagari": "नमस्ते दुनिया, क्षत्रिय",
    "combining": "cafe\u0301 a\u0323\u0302 Ẹ̀kọ́", "spaces": " two  three   \n\n\tend ",
    "code": "def f(x):\n    return x[1:]  # ok", "nothing": "", "one": "x",
}  # fmt: skip


def wrapped(inner: Tokenizer, marks: tuple[str, str] = ("<|start|>", "<|end|>"), template: str = tiny.TEMPLATE) -> Any:
    inner.add_special_tokens(list(marks))
    fast = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token=marks[0], eos_token=marks[1], pad_token=marks[1])
    fast.chat_template = template
    return fast


def byte_level(size: int = 420, normal: Any = None, words: dict[str, int] | None = None, **more: Any) -> Any:
    """Byte-level BPE, as GPT-2, Llama 3 and Qwen have it: its tokens may end inside a letter; ``words`` that no merge makes."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    if normal:
        inner.normalizer = normal
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner.train_from_iterator(
        [*PROBES, *SCRIPTS.values()] * 3, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    state = json.loads(inner.to_str())
    state["model"]["vocab"] |= words or {}
    return wrapped(Tokenizer.from_str(json.dumps(state)), **more)
