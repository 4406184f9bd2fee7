"""The student's model as it was before training, once in memory however many teachers are made of it."""

import copy
from weakref import WeakKeyDictionary, WeakValueDictionary

from ..student import Student

HELD: WeakKeyDictionary[Student, WeakValueDictionary[bool, Student]] = WeakKeyDictionary()
"""The copies of each student that somebody still holds: of the student itself, and of the whole model."""


def frozen(student: Student) -> Student:
    """A copy that is not trained or, where layers were taken from the model, the whole one.

    All who ask while one of them holds it get the same; the last who lets it go frees its memory.
    """
    held = HELD.setdefault(student, WeakValueDictionary())
    found = held.get(student.whole is not None)
    if found is None:
        model = student.whole() if student.whole else copy.deepcopy(student.model)
        found = Student(model.requires_grad_(False), student.ends, student.template)
        held[student.whole is not None] = found
    return found
