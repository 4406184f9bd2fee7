"""One vocabulary or two, and how large two models are."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import tiny_gguf
from tiny_tokenizers import byte_level
from tokenizers import normalizers, pre_tokenizers

from polydistill.engines import BadModel
from polydistill.losses import Sizes
from polydistill.signals import Wants
from polydistill.template import Template
from polydistill.vocabulary import check_layers, one_vocabulary, sizes_of


def test_one_vocabulary_may_be_padded_to_two_widths():
    """Qwen2.5 has 151,936 logits at one size and 152,064 at another (TRL #2215, #3028, #6252)."""
    one = byte_level()
    assert one_vocabulary(Template(one), byte_level(), (151_936, 152_064)) == (151_936, "")
    assert one_vocabulary(Template(one), byte_level(), (152_064, 151_936)) == (151_936, "")


def test_equal_widths_are_no_proof_of_one_vocabulary():
    """unsloth-zoo #965. The sentence has the text and both ids."""
    one = byte_level()
    ids = one.get_vocab()
    other = byte_level(words={"T": ids["h"], "h": ids["T"]})
    assert len(one) == len(other)
    first = rf"token 1 is {ids['T']} \('T'\) to the student and {ids['h']} \('T'\) to the teacher"
    with pytest.raises(ValueError, match=rf"of the text \"The quick.*{first}"):
        one_vocabulary(Template(one), other, (422, 422))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("digits", lambda inner: setattr(inner, "pre_tokenizer", pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]))),
        ("normal forms", lambda inner: setattr(inner, "normalizer", normalizers.NFC())),
        ("spaces", lambda inner: setattr(inner, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=True))),
        ("the beginning", lambda inner: setattr(inner, "normalizer", normalizers.Strip())),
        ("case", lambda inner: setattr(inner, "normalizer", normalizers.Lowercase())),
    ],
)  # fmt: skip
def test_the_same_words_cut_otherwise_are_found_by_a_probe(name: str, change: Any):
    one, other = byte_level(700), byte_level(700)
    change(other.backend_tokenizer)
    assert one.get_vocab() == other.get_vocab()
    with pytest.raises(ValueError, match=r"of the text .* to the student and .* to the teacher"):
        one_vocabulary(Template(one), other, (702, 702))


def test_a_word_that_no_probe_has_is_compared_too():
    one, other = (byte_level(words={word: 420}) for word in ("zqzq", "qzqz"))
    with pytest.raises(ValueError, match=r"token 420 is 'zqzq' to the student and 'qzqz' to the teacher"):
        one_vocabulary(Template(one), other, (430, 430))


def test_the_marks_of_the_students_template_must_be_the_teachers_too():
    """A teacher that ends its turns with another token would be asked about one that it never writes."""
    one, renamed = byte_level(), byte_level(marks=("<|start|>", "</s>"))
    with pytest.raises(ValueError, match=r"token 421 is '<\|end\|>' to the student and '</s>' to the teacher"):
        one_vocabulary(Template(one), renamed, (430, 430))
    plain = byte_level()
    plain.chat_template = "{% for m in messages %}{{ m['content'] + '<|end|>' }}{% endfor %}"
    with_reserved, other = (byte_level(marks=(mark, "<|end|>")) for mark in ("<|reserved|>", "<|other|>"))
    with_reserved.chat_template = plain.chat_template
    with_reserved.bos_token = None
    assert one_vocabulary(Template(with_reserved), other, (430, 430)).width == 430, "the template never writes the other one"
    lacking = byte_level()
    lacking.add_special_tokens({"additional_special_tokens": ["<|turn|>"]})
    lacking.chat_template = tiny.TEMPLATE.replace("<|start|>", "<|turn|>")
    with pytest.raises(ValueError, match=r"lacks token 422, '<\|turn\|>', which the student's template writes"):
        one_vocabulary(Template(lacking), one, (430, 430))


def test_tokens_that_one_of_them_lacks_are_cut_off_and_named():
    one, more = byte_level(), byte_level()
    more.add_tokens(["<tool>", "</tool>"])
    found = one_vocabulary(Template(one), more, (430, 435))
    assert found.width == 422, "padding stays where both have it, but no real token is compared with padding"
    assert "2 tokens" in found.note
    assert "'<tool>' (422, the teacher's)" in found.note
    assert one_vocabulary(Template(more), one, (435, 430)).width == 422
    assert one_vocabulary(Template(one), more, (422, 435)).width == 422


def test_a_token_that_one_of_them_lacks_in_the_middle_is_refused():
    one, holed = (byte_level(words={"za": 420, **more, "zc": 422}) for more in ({"zb": 421}, {"zd": 500}))
    with pytest.raises(ValueError, match="the student alone has token 421, 'zb', amid tokens of both"):
        one_vocabulary(Template(one), holed, (430, 430))


# Sizes


def test_sizes_are_read_without_weights(random_model: Path, tmp_path: Path):
    expected = Sizes(width=32, layers=2, heads=4, vocabulary=260)
    assert sizes_of(random_model) == expected
    assert sizes_of(tiny_gguf.write(random_model, tmp_path / "m.gguf")) == expected


def test_sizes_that_are_not_stated_are_refused(tmp_path: Path):
    folder = tiny.model_folder(tmp_path / "m")
    (folder / "config.json").write_text('{"model_type": "nothing such"}')
    with pytest.raises(BadModel, match=r"how large the model of .* cannot be read"):
        sizes_of(folder)
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_block_count(0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(BadModel, match="does not state its width, layers, heads"):
        sizes_of(tmp_path / "m.gguf")


def test_layers_that_are_not_there_are_refused_with_both_sizes():
    small, large = Sizes(32, 2, 4, 260), Sizes(64, 6, 8, 260)
    for fine in (Wants(hidden=(0, 6, -1, -7)), Wants(relations=(1, 6, -1, -6))):
        check_layers(fine, small, large)
    for wrong in (
        Wants(hidden=(7,)),
        Wants(hidden=(-8,)),
        Wants(relations=(0,)),
        Wants(relations=(-7,)),
        Wants(relations=(7,)),
    ):
        with pytest.raises(ValueError, match=r"layer -?\d are asked of a teacher with 6 layers of width 64; .* 2 of width 32"):
            check_layers(wrong, small, large)
