import torch

from polydistill.batch import Tokens, micro_batches, padded


def test_rows_of_like_length_are_put_side_by_side():
    rows = [Tokens([0] * length, 1) for length in (5, 2, 9, 3, 30, 2)]
    found = [[len(row.ids) for row in some] for some in micro_batches(rows, 12)]
    assert found == [[2, 2, 3], [5], [9], [30]]
    assert [len(row.ids) for some in micro_batches(rows, 1) for row in some] == [2, 2, 3, 5, 9, 30]


def test_padding_by_hand():
    batch = padded([Tokens([7, 8, 9], 2, rich=True), Tokens([4], 0), Tokens([5, 6], 0)])
    assert batch.ids.tolist() == [[7, 8, 9], [4, 0, 0], [5, 6, 0]]
    assert batch.attend.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    assert batch.answers.tolist() == [[False, False, True], [False, False, False], [False, True, False]]
    assert batch.targets.tolist() == [9, 6]
    assert batch.rich.tolist() == [True, False, False]


def test_what_is_before_a_token_is_seen_by_it_and_padding_sees_nothing():
    batch = padded([Tokens([7, 8], 1), Tokens([4], 0)])
    assert batch.seen.int().tolist() == [[[1, 0], [1, 1]], [[1, 0], [0, 0]]]
    every = torch.ones(1, 1, 2, 2, dtype=torch.bool)
    assert batch._replace(attend=every).seen.equal(every[:, 0]), "where it is said who sees whom, it is that"


def test_values_of_answer_tokens_are_summed_by_row():
    """A row of which nothing is learned has nothing."""
    batch = padded([Tokens([7, 8, 9], 1), Tokens([4], 0), Tokens([5, 6], 0)])
    assert batch.by_row(torch.tensor([1.0, 2.0, 4.0])).tolist() == [3.0, 0.0, 4.0]


def test_some_of_the_rows_are_as_wide_as_before():
    rows = [Tokens([7, 8, 9], 1, id="a"), Tokens([5, 6], 0, id="b")]
    found = padded(rows).only(torch.tensor([False, True]))
    assert (found.ids.tolist(), found.attend.tolist()) == ([[5, 6, 0]], [[1, 1, 0]])
    assert (found.targets.tolist(), found.rows) == ([6], (rows[1],))


def test_the_longest_of_what_may_be_read_of_a_row_is_its_size():
    row = Tokens([1, 2, 3, 4], 3)
    assert (row.size, row.learned, Tokens([1, 2], 0).learned) == (4, 1, 1)
    assert row._replace(shown=[9] * 6).size == 7, "and the answer after it"
    assert row._replace(rejected=row.answered([5, 6, 7])).size == 6
    assert row._replace(written=row.answered([])).size == 4
    for second in ("rejected", "written"):
        assert row._replace(shown=[9] * 6, **{second: row.answered([5, 6, 7])}).size == 9, "after what is shown too"


def test_both_answers_stand_after_what_is_shown():
    row = Tokens([1, 2, 3], 2, shown=[9, 8, 7])
    found = row._replace(rejected=row.answered([4, 5])).with_more_shown
    assert (found.ids, found.rejected.ids, found.rejected.prompt) == ([9, 8, 7, 3], [9, 8, 7, 4, 5], 3)
    assert found.size == 5


def test_second_and_written_answers_are_batches_of_their_own():
    row = Tokens([1, 2, 3], 2)
    pair, plain = row._replace(rejected=row.answered([4, 5]), written=row.answered([6])), Tokens([8, 9], 1)
    batch = padded([pair, plain])
    assert batch.paired().tolist() == [True, False]
    assert batch.as_rejected().ids.tolist() == [[1, 2, 4, 5]]
    assert batch.as_written().ids.tolist() == [[1, 2, 6], [8, 9, 0]]
