"""What is found out of two models without weights: how large they are, and whether their tokenizers are one vocabulary."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import models
from .engines import BadModel
from .foreign.gguf_file import first_line
from .foreign.gguf_head import read_gguf_head
from .foreign.preflight import inspect, plain
from .losses import Sizes, stated
from .records import Chat, Lang, Turn
from .signals import Wants
from .template import Template

PROBES = (
    "The quick brown fox jumps over the lazy dog, isn't it? YES! We'll see; they've said so.",
    "".join(map(chr, range(32, 127))),
    "0 1 23 456 7890 12345678901 3.14 1,000,000 -5e-3 2026-11-21 ٣٤٥ ४५ 四百",
    " one  two   three    four     \n\nfive\r\n\tsix\t\t seven \n \n  ",
    'def f(x: int) -> str:\n    return f"{x:>8}" + \'a\' * 3  # done\n\n<a href="https://example.org/?q=1&b=2">{}</a>',
    "¿Dónde está el niño? Çà et là, où? Größe, Ærøskøbing, Łódź, İstanbul, Tiếng Việt, naïve, cafe\u0301, ﬁ, Ⅳ, ½",
    "Быстрая лисица. Ґанок, ђак. Γειά σου, Κόσμε! Բարեւ, გამარჯობა",
    "مرحبا بالعالم، كَيْفَ حَالُكَ؟ שלום עולם سلام دنیا‌ها",
    "नमस्ते दुनिया। ক্ষমা করবেন, வணக்கம் ఉలకం ಕನ್ನಡ മലയാളം ਪੰਜਾਬੀ ગુજરાતી සිංහල",
    "สวัสดีชาวโลก ສະບາຍດີ ជំរាបសួរ မင်္ဂလာပါ བོད་སྐད་ ሰላም ለዓለም",
    "你好,世界。繁體中文。こんにちは、カタカナ。안녕하세요 세계",
    "🙂👍🏽👩‍👩‍👧‍👦🇪🇸 ∑∫√≤≠→ ♥︎ \u200b\u00a0\u3000 𝔘𝕟𝕚 e\u0301\u0323",
    "Ẹ káàárọ̀, ŋ ɔ ɛ; Habari ya dunia; Sawubona; Ndewo; Mwaramutse",
)
"""Texts in many scripts, with digits, spaces, code and marks: two vocabularies that write all of them alike are one."""


def sizes_of(path: Path) -> Sizes:
    """How large the model of a folder or a GGUF file is, as it states itself; no weights are read.

    Raises:
        BadModel: it does not say.
    """
    return Sizes.of(config_of(path))


def config_of(path: Path) -> dict[str, Any]:
    """The configuration of a folder's text model; of a GGUF file what `Sizes` needs of it. No weights are read.

    Raises:
        BadModel: it cannot be read.
    """
    inspect(path)
    if path.is_file():
        fields = read_gguf_head(path).fields
        names = ("embedding_length", "block_count", "attention.head_count", "vocab_size")
        found = [fields.get(f"{fields['general.architecture']}.{name}") for name in names]
        sizes = [*found[:3], found[3] or len(fields.get("tokenizer.ggml.tokens", []))]
        width, layers, heads, vocabulary = (size if type(size) is int else 0 for size in sizes)
        if not (width and layers and heads and vocabulary):
            raise BadModel(
                f"{path} does not state its width, layers, heads and vocabulary ({sizes}); give the model's own folder"
            )
        return Sizes(width, layers, heads, vocabulary).as_config()
    models.quiet()
    from transformers import AutoConfig

    try:
        with models.offline():
            config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        return stated(config)
    except Exception as error:  # whatever the library meets in a file that it does not know
        raise BadModel(
            f"how large the model of {path} is cannot be read from its config.json ({plain(first_line(error))})"
        ) from error


def check_layers(wants: Wants, student: Sizes, teacher: Sizes) -> None:
    """Finds layers that the teacher has not.

    Raises:
        ValueError: with both sides' sizes.
    """
    for what, first, layers in (("hidden states", 0, wants.hidden), ("attention", 1, wants.relations)):
        if wrong := [n for n in layers if not (first <= n <= teacher.layers or first - teacher.layers - 1 <= n < 0)]:
            raise ValueError(
                f"the {what} of layer {wrong[0]} are asked of a teacher with {teacher.layers} layers of width {teacher.width}; "
                f"the student has {student.layers} of width {student.width}"
            )


class Shared(NamedTuple):
    """What two models of one vocabulary have in common."""

    width: int
    """How many logits, from the first."""
    note: str = ""
    """What the one has and the other lacks, in words; empty where that is nothing."""


def one_vocabulary(student: Template, teacher: Any, widths: tuple[int, int]) -> Shared:
    """What the models of two tokenizers share, where these are one vocabulary: logits may have padding behind their tokens.

    One vocabulary writes every probe as the same ids, has the same word for each id, and for the special tokens that the
    student's template writes. The ``widths`` of the logits, the student's and the teacher's, prove nothing.

    Raises:
        ValueError: they are two vocabularies; the first difference, with both sides' ids.
    """
    own = student.tokenizer
    for text in PROBES:
        ours, theirs = (side.encode(text, add_special_tokens=False) for side in (own, teacher))
        if ours != theirs:
            at = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
            raise ValueError(
                f"the tokenizers are two vocabularies: of the text {text!r} token {at + 1} is {_named(own, ours[at:])} to the "
                f"student and {_named(teacher, theirs[at:])} to the teacher"
            )
    mine, other = _words(own), _words(teacher)
    added = own.added_tokens_decoder.keys() | teacher.added_tokens_decoder.keys()
    written = _written(student)
    for id in sorted(mine.keys() & other.keys()):
        if mine[id] != other[id] and (id not in added or id in written):
            raise ValueError(
                f"the tokenizers are two vocabularies: token {id} is {mine[id]!r} to the student and {other[id]!r} to the "
                "teacher"
            )
    if lacking := sorted(written - other.keys()):
        raise ValueError(
            f"the teacher's tokenizer lacks token {lacking[0]}, {mine[lacking[0]]!r}, which the student's template writes"
        )
    return _shared(mine, other, min(widths))


def _named(tokenizer: Any, ids: Sequence[int]) -> str:
    return f"{ids[0]} ({tokenizer.convert_ids_to_tokens(ids[0])!r})" if ids else "not there"


def _words(tokenizer: Any) -> dict[int, str]:
    return {id: word for word, id in tokenizer.get_vocab().items()}


def _written(template: Template) -> set[int]:
    """The added tokens that a template writes."""
    turns = Turn(role="user", text="a", lang=Lang("eng")), Turn(role="assistant", text="b", lang=Lang("eng"))
    ids = {*template.training(Chat(turns=turns))[0], *template.start, template.end_of_turn}
    return ids & template.tokenizer.added_tokens_decoder.keys()


def _shared(mine: dict[int, str], other: dict[int, str], width: int) -> Shared:
    alone = [("student", id, mine[id]) for id in mine.keys() - other.keys()]
    alone += [("teacher", id, other[id]) for id in other.keys() - mine.keys()]
    alone.sort(key=lambda one: one[1])
    inside = [one for one in alone if one[1] < width]
    if inside and inside[0][1] < max(mine.keys() & other.keys()):
        who, id, word = inside[0]
        raise ValueError(f"the {who} alone has token {id}, {word!r}, amid tokens of both; their logits cannot be compared")
    if not alone:
        return Shared(width)
    some = ", ".join(f"{word!r} ({id}, the {who}'s)" for who, id, word in alone[:3])
    return Shared(
        min([width, *(id for _, id, _ in inside)]),
        f"{len(alone)} tokens are known to one of student and teacher alone and are not compared: {some}",
    )
