import json
from pathlib import Path

import pytest
import tiny
from tiny_analyses import World, engine, table


def test_a_student_that_is_its_teacher_is_loyal_and_at_no_distance(analysed: World):
    student = engine(analysed.run / "choose" / "model")
    for row in table("loyalty", analysed, teacher=student, answers=4).rows:
        assert (row["label"], row["probability"]) == (1, 1)
    assert all(row["label"] < 1 and row["probability"] < 1 for row in table("loyalty", analysed, answers=4).rows)


def test_a_model_with_another_vocabulary_is_refused(analysed: World, tmp_path: Path):
    tiny.model_folder(tmp_path / "strange")
    tokenizer = json.loads((tmp_path / "strange/tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    words["a"], words["b"] = words["b"], words["a"]
    (tmp_path / "strange/tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ValueError, match="strange does not fit the run's model: the tokenizers are two vocabularies"):
        table("loyalty", analysed, teacher=engine(tmp_path / "strange"))
