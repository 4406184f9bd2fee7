"""How texts are laid out for scoring, on tokens written out."""

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from polydistill import chunks, scoring
from polydistill.batch import Batch
from polydistill.scoring import Scored, by_prompt, laid_out, packed, windows
from polydistill.student import Student


def test_what_fits_stays_as_it_is():
    assert windows([1, 2], [3, 4], 4) == [([1, 2], [3, 4])]
    assert windows([1], [], 4) == [([1], [])]


def test_what_does_not_fit_is_cut_after_half_a_context():
    assert windows([0], [1, 2, 3, 4, 5, 6, 7], 4) == [([0], [1, 2, 3]), ([2, 3], [4, 5]), ([4, 5], [6, 7])]
    assert windows([0, 1, 2], [3, 4], 4) == [([0, 1, 2], [3]), ([2, 3], [4])]
    # A prompt that fills the context keeps its end.
    assert windows([0, 1, 2, 3, 4], [5, 6, 7], 4) == [([3, 4], [5, 6]), ([5, 6], [7])]
    assert windows([0, 1, 2, 3], [4], 4) == [([2, 3], [4])]


@given(st.integers(1, 30), st.integers(0, 60), st.integers(2, 12))
def test_every_token_is_scored_once_and_every_window_fits(prompt: int, text: int, context: int):
    tokens = list(range(prompt + text))
    found = windows(tokens[:prompt], tokens[prompt:], context)
    assert [token for _, piece in found for token in piece] == tokens[prompt:]
    for before, piece in found if text else []:
        assert before
        assert len(before) + len(piece) <= context
        assert before + piece == tokens[piece[-1] + 1 - len(before) - len(piece) : piece[-1] + 1]


def test_texts_gather_behind_their_prompt():
    assert by_prompt([[1, 2], [3], [1, 2], [1, 2]], [[7], [8], [], [9, 9]], 10) == [
        Scored([1, 2], [(0, [7]), (3, [9, 9])]), Scored([3], [(1, [8])]),
    ]  # fmt: skip
    assert by_prompt([], [], 10) == []
    with pytest.raises(ValueError, match="zip"):
        by_prompt([[1]], [], 10)


def test_a_long_text_keeps_its_owner_in_every_window():
    assert by_prompt([[0]], [[1, 2, 3, 4]], 4) == [Scored([0], [(0, [1, 2, 3])]), Scored([2, 3], [(0, [4])])]


def test_rows_are_packed_by_length():
    texts = [(owner, [9] * length) for owner, length in enumerate((5, 1, 3))]
    shared = [Scored([1, 2], texts)]
    assert list(packed(shared, share=True, most_rows=None)) == [shared]
    alone = [Scored([1, 2], [texts[1]]), Scored([1, 2], [texts[2]]), Scored([1, 2], [texts[0]])]
    assert list(packed(shared, share=False, most_rows=None)) == [alone]
    assert list(packed(shared, share=False, most_rows=2)) == [alone[:2], alone[2:]]
    # Behind a prompt of one token there is nothing to share.
    assert [len(row.texts) for batch in packed([Scored([1], texts)], share=True, most_rows=None) for row in batch] == [1, 1, 1]


def test_a_batch_holds_a_bounded_number_of_padded_tokens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scoring, "BATCH_TOKENS", 20)
    rows = [Scored([1], [(owner, [9] * length)]) for owner, length in enumerate((30, 4, 4, 4, 4, 4, 9))]
    found = [[row.length for row in batch] for batch in packed(rows, share=False, most_rows=None)]
    assert found == [[5, 5, 5, 5], [5, 10], [31]]


def test_no_more_texts_than_eight_stand_in_a_row():
    rows = [Scored([1, 2], [(owner, [9]) for owner in range(20)])]
    assert [len(row.texts) for batch in packed(rows, share=True, most_rows=1) for row in batch] == [4, 8, 8]


def test_texts_side_by_side_see_the_prompt_and_themselves():
    batch, owners = laid_out([Scored([5, 6], [(1, [7, 8]), (0, [9])])])
    # The prompt's last token stands before each text.
    assert batch.ids.tolist() == [[5, 6, 7, 8, 6, 9]]
    assert batch.positions.tolist() == [[0, 1, 2, 3, 1, 2]]
    assert batch.answers.tolist() == [[False, False, True, True, False, True]]
    assert owners == [1, 1, 0]
    assert batch.attend.int().tolist() == [[[
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 0, 0, 0, 1, 0],
        [1, 0, 0, 0, 1, 1],
    ]]]  # fmt: skip


def test_rows_with_one_text_are_padded_on_the_right():
    batch, owners = laid_out([Scored([5, 6], [(0, [7])]), Scored([5], [(1, [8])])])
    assert batch.ids.tolist() == [[5, 6, 7], [5, 8, 0]]
    assert batch.attend.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch.answers.tolist() == [[False, False, True], [False, True, False]]
    assert batch.positions is None
    assert owners == [0, 1]


def test_padding_beside_shared_rows_sees_itself():
    batch, _ = laid_out([Scored([5, 6], [(0, [7]), (1, [8])]), Scored([5], [(2, [8])])])
    assert batch.ids.tolist() == [[5, 6, 7, 6, 8], [5, 8, 0, 0, 0]]
    assert batch.attend[1, 0].sum(-1).tolist() == [1, 2, 1, 1, 1]


def test_logits_exist_for_a_part_of_the_tokens_at_a_time(monkeypatch: pytest.MonkeyPatch):
    wrapped, sizes, head = Student(tiny.random_model()), [], Student.head
    ids = torch.arange(24).reshape(2, 12)
    answers = torch.ones(2, 12, dtype=torch.bool)
    answers[:, 0] = False
    batch = Batch(ids, torch.ones_like(ids), answers)
    log_p = wrapped.model(ids).logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).flatten().tolist()

    def counting(self: Student, hidden: torch.Tensor) -> torch.Tensor:
        sizes.append(len(hidden))
        return head(self, hidden)

    monkeypatch.setattr(Student, "head", counting)
    for most, parts in ((chunks.LOGITS, [22]), (8 * 260, [8, 8, 6]), (1, [1] * 22)):
        monkeypatch.setattr(chunks, "LOGITS", most)
        sizes.clear()
        assert wrapped.log_likelihoods(batch).tolist() == pytest.approx(log_p, rel=1e-4)
        assert sizes == parts
    assert wrapped.log_likelihoods(Batch(ids, torch.ones_like(ids), torch.zeros_like(answers))).tolist() == []
