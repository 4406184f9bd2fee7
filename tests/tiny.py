"""The tiny world: a two-layer transformer with a byte tokenizer, and a toy language pair, made in a few seconds.

The toy target language is Spanish by name; its words are English words said backwards, from a dictionary. A random model's
answers have no end, so the world's model is taught for about two seconds to answer in one short sentence.
"""

import functools
import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|start|>' + message['role'] + '\n' + message['content'] + '<|end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}"
)
WORDS = [
    "the", "cat", "dog", "bird", "tree", "house", "river", "sun", "moon", "star", "small", "big", "red", "blue",
    "green", "old", "new", "runs", "sleeps", "eats", "sees", "finds", "likes", "keeps", "under", "over", "near",
    "behind", "a", "and", "or", "why", "where", "what", "does", "who", "is", "in", "on", "my", "your", "our", "friend",
    "garden", "window", "door", "road", "city",
]  # fmt: skip


ANSWERS = (
    "the cat sees a red house.", "my friend likes the garden and the door.", "our dog sleeps under the tree.",
    "a bird runs behind the small window. who sees the moon?",
)  # fmt: skip
"""What a taught model answers; which one, the question's first letter decides."""


def model_folder(
    folder: Path, seed: int = 0, template: str | None = TEMPLATE, dtype: str = "float64", taught: bool = False, **config: object
) -> Path:
    """A model of about 40,000 weights with 260 tokens, saved as a plain folder; random, or taught to give `ANSWERS`."""
    if taught:
        shutil.copytree(_taught_folder(dtype), folder, dirs_exist_ok=True)
        return folder
    model = random_model(seed, **config)
    _save(model, folder, template, dtype)
    return folder


def random_model(seed: int = 0, **config: object) -> Any:
    """A random model in float32."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    settings = {
        "vocab_size": 260, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 512, "bos_token_id": 256, "eos_token_id": 257, "pad_token_id": 257,
        "tie_word_embeddings": True, "initializer_range": 0.1, **config,
    }  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(**settings))


@functools.cache
def _folders() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tiny")


@functools.cache
def _taught_folder(dtype: str) -> Path:
    """The taught model, made once a process."""
    folder = Path(_folders().name) / dtype
    _save(_taught(), folder, TEMPLATE, dtype)
    return folder


@functools.cache
def _taught(steps: int = 110) -> Any:
    import torch

    model, draw, words = random_model(), random.Random(7), tokenizer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    for step in range(steps):
        rows = [_taught_row(words, a_question(draw, step)) for _ in range(8)]
        width = max(len(prompt) + len(answer) for prompt, answer in rows)
        ids = torch.tensor([prompt + answer + [257] * (width - len(prompt) - len(answer)) for prompt, answer in rows])
        learned = torch.zeros(ids.shape, dtype=torch.bool)
        for place, (prompt, answer) in enumerate(rows):
            learned[place, len(prompt) : len(prompt) + len(answer)] = True
        hidden = model.model(input_ids=ids).last_hidden_state[:, :-1][learned[:, 1:]]
        loss = torch.nn.functional.cross_entropy(model.lm_head(hidden), ids[learned])
        optimizer.param_groups[0]["lr"] = 0.02 * min(1, (step + 1) / 10) * (1 - step / steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def _taught_row(words: Any, question: str) -> tuple[list[int], list[int]]:
    turns = [{"role": "user", "content": question}]
    prompt = words.encode(words.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    return prompt, [*words.encode(ANSWERS[ord(question[0]) % len(ANSWERS)]), 257]


def _save(model: Any, folder: Path, template: str | None, dtype: str) -> None:
    import copy

    import torch

    copy.deepcopy(model).to(getattr(torch, dtype)).save_pretrained(folder)
    tokenizer(template).save_pretrained(folder)


def tokenizer(template: str | None = TEMPLATE):
    """Bytes 0 to 255, then <|start|>, <|end|>."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(["<|start|>", "<|end|>"])
    fast = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<|start|>", eos_token="<|end|>", pad_token="<|end|>")
    fast.chat_template = template
    return fast


def a_question(draw: random.Random, number: int) -> str:
    """Two sentences in the toy rich language."""
    return f"{' '.join(draw.choices(WORDS, k=6))} {number}. {' '.join(draw.choices(WORDS, k=5))}?"


def questions(path: Path, count: int = 40) -> Path:
    """Questions in the toy rich language."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps({"question": a_question(draw, number)}) + "\n")
    return path


def dictionary(path: Path) -> Path:
    """The toy target language."""
    path.write_text("".join(f"{word}\t{word[::-1]}\n" for word in WORDS), "utf-8")
    return path


def parallel(path: Path, count: int = 60) -> Path:
    """Parallel text of the toy pair, as TSV."""
    draw = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            some = draw.choices(WORDS, k=10)
            file.write(" ".join(some) + "\t" + " ".join(word[::-1] for word in some) + "\n")
    return path


PLAN = """\
model: {{transformers: {{path: {folder}/model, dtype: float64, device: cpu, batch_size: 8}}}}
from: eng
to: [spa]
runs: {folder}/runs
name: tiny
ask: {{source: {{file: {{path: {folder}/questions.jsonl}}}}, questions: 40}}
answer: {{max_tokens: 64, cut: back}}
translate: {{translator: {{dictionary: {{path: {folder}/words.tsv, source: eng, target: spa}}}}}}
mix:
  builders:
    - language_pairs
    - translation_rows
    - completion_rows
  filters: [near_duplicates]
  texts: [{{parallel: {{path: {folder}/parallel.tsv}}}}]
  sampler: temperature
  tokens: 3000
train:
  {{objective: next_token, schedule: cosine, learning_rate: 1.0e-2, batch_rows: 8, epochs: 2, compute: float64, device: cpu}}
choose: {{scales: [0.9]}}
evaluate:
  evaluators: [{{text_bits: {{label: toy, texts: {{parallel: {{path: {folder}/parallel.tsv}}}}}}}}, loops]
report: {{examples: 4}}
"""


def world(folder: Path, taught: bool = True) -> Path:
    """Everything a whole run needs; the path of its plan."""
    folder.mkdir(parents=True, exist_ok=True)
    model_folder(folder / "model", taught=taught)
    questions(folder / "questions.jsonl")
    dictionary(folder / "words.tsv")
    parallel(folder / "parallel.tsv")
    plan = folder / "plan.yaml"
    plan.write_text(PLAN.format(folder=folder), "utf-8")
    return plan
