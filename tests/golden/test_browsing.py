"""Rows as text."""

from pathlib import Path

from tiny_rows import ENG, chat, pair, rival, text

from polydistill.browsing import as_text, rows_as_text
from polydistill.stage import BESIDE, write_shard


def test_each_kind_of_row_says_what_it_holds_and_where_it_comes_from():
    assert as_text(chat("q", ENG, "Who?", "I.")) == "q  file q.jsonl\n  user (eng): Who?\n  assistant (eng): I.\n"
    assert as_text(text("t", "Hola.")) == "t  text t.txt\n  spa: Hola.\n"
    assert as_text(pair("p", "Hi.", "Hola.")) == "p-spa  parallel p.tsv\n  eng: Hi.\n  spa: Hola.\n"
    said = "q-rival  file q.jsonl\n  user (eng): Who?\n  preferred: I.\n  to: You.\n"
    assert as_text(rival(chat("q", ENG, "Who?", "I."), "You.")) == said
    row = chat("q", ENG, "Who?", "I.")
    more = row.but(payload=row.payload.model_copy(update={"shown": row.payload.asked.turns}))
    assert as_text(more).splitlines()[1:] == ["  shown user (eng): Who?", "  user (eng): Who?", "  assistant (eng): I."]


def test_a_row_that_is_out_says_why():
    assert as_text(text("t", "Hola.").reject("loop")).startswith("t  text t.txt  OUT: loop\n")


def test_as_many_as_are_asked_for_and_rejected_ones_from_the_pool(tmp_path: Path):
    write_shard(tmp_path, 0, [text(f"t{n}", "Hola.") for n in range(5)])
    assert [said.split()[0] for said in rows_as_text(tmp_path, False, 2)] == ["t0", "t1"]
    assert list(rows_as_text(tmp_path, True, 2)) == []
    (tmp_path / BESIDE).mkdir()
    write_shard(tmp_path / BESIDE, 0, [text("a", "Sí."), text("b", "No.").reject("loop")])
    (tmp_path / BESIDE / "rows-000000.jsonl").rename(tmp_path / BESIDE / "pool.jsonl")
    assert [said.split()[0] for said in rows_as_text(tmp_path, True, 2)] == ["b"]
