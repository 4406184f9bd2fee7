"""The tiny world: a two-layer random transformer with a byte tokenizer, and a toy language pair, made in a second.

The toy target language is Spanish by name; its words are English words said backwards, from a dictionary.
"""

import json
from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}{{ '<|start|>' + message['role'] + '\n' + message['content'] + '<|end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}"
)
WORDS = (
    "the cat dog bird tree house river sun moon star small big red blue green old new runs sleeps eats sees finds likes keeps "
    "under over near behind a and or why where what does who is in on my your our friend garden window door road city"
).split()


def model_folder(folder: Path, seed: int = 0, template: str | None = TEMPLATE, dtype: str = "float64", **config: object) -> Path:
    """A random model of about 40,000 weights with 260 tokens, saved as a plain folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    settings = {
        "vocab_size": 260, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 512, "bos_token_id": 256, "eos_token_id": 257, "pad_token_id": 257,
        "tie_word_embeddings": True, "initializer_range": 0.1, **config,
    }  # fmt: skip
    model = LlamaForCausalLM(LlamaConfig(**settings)).to(getattr(torch, dtype))
    model.save_pretrained(folder)
    tokenizer(template).save_pretrained(folder)
    return folder


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


def questions(path: Path, count: int = 40) -> Path:
    """Questions in the toy rich language."""
    import random

    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            text = f"{' '.join(draw.choices(WORDS, k=6))} {number}. {' '.join(draw.choices(WORDS, k=5))}?"
            file.write(json.dumps({"question": text}) + "\n")
    return path


def dictionary(path: Path) -> Path:
    """The toy target language."""
    path.write_text("".join(f"{word}\t{word[::-1]}\n" for word in WORDS), "utf-8")
    return path


def parallel(path: Path, count: int = 60) -> Path:
    """Parallel text of the toy pair, as TSV."""
    import random

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
answer: {{max_tokens: 12, cut: back}}
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
train: {{objective: next_token, schedule: cosine, learning_rate: 1.0e-2, batch_rows: 8, epochs: 2, compute: float64, device: cpu}}
choose: {{scale: 0.9}}
evaluate:
  evaluators: [{{text_bits: {{label: toy, texts: {{parallel: {{path: {folder}/parallel.tsv}}}}}}}}, loops]
report: {{examples: 4}}
"""


def world(folder: Path) -> Path:
    """Everything a whole run needs; the path of its plan."""
    folder.mkdir(parents=True, exist_ok=True)
    model_folder(folder / "model")
    questions(folder / "questions.jsonl")
    dictionary(folder / "words.tsv")
    parallel(folder / "parallel.tsv")
    plan = folder / "plan.yaml"
    plan.write_text(PLAN.format(folder=folder), "utf-8")
    return plan
