"""What every teacher does that does not say otherwise."""

import pytest

from polydistill.batch import Batch, Tokens, padded
from polydistill.engines import Sampling
from polydistill.losses import Sizes
from polydistill.signals import TeacherSignal
from polydistill.teachers import OpenTeacher


class Silent(OpenTeacher):
    """Gives no text; counts how often it is asked."""

    asked = 0

    @property
    def sizes(self) -> Sizes:
        return Sizes(1, 1, 1, 2)

    def say(self, batch: Batch) -> TeacherSignal:
        self.asked += 1
        return TeacherSignal()


def test_without_text_it_says_so_where_it_should_write():
    with pytest.raises(ValueError, match=r"^Silent says what it finds likely, and writes no text of its own$"):
        Silent().write([[1]], Sampling(), [0])


def test_who_asks_again_of_the_same_batch_gets_the_same():
    """The same batch, not one that is equal; and nothing is held when it is closed."""
    teacher, batch = Silent(), padded([Tokens([1, 2], 1)])
    first = teacher.signal(batch)
    assert teacher.signal(batch) is first
    assert teacher.asked == 1
    teacher.signal(padded([Tokens([1, 2], 1)]))
    assert teacher.asked == 2
    teacher.close()
    assert teacher._last is None
