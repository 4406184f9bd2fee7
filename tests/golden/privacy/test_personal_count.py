"""What the report says of personal data, and that it shows none of it."""

import json
from pathlib import Path

import pytest
from tiny_rows import CAT, ENG, SPA, chat
from tiny_scores import change, score

from polydistill.evaluators import Item
from polydistill.privacy.personal_count import Checked, checked, hidden
from polydistill.records import Lang, Row
from polydistill.report import ReportSettings, html
from polydistill.served import Served
from polydistill.stage import Rows, Workspace, finish, working, write_shard
from polydistill.views.findings import Change

OWN = "tiny"
MAIL, PHONE, CARD = "ana.diaz@mail.org", "(212) 736-5000", "4111 1111 1111 1111"


def rows() -> list[Row]:
    asked = chat("self", ENG, f"Who is {MAIL}?", f"Nobody. Call {PHONE} or {PHONE}.").but(lineage={"source": "self_ask"})
    given = chat("file", ENG, "Who?", f"{MAIL}, bob@mail.org, and carl@example.com.")
    out = chat("out", ENG, "What?", f"The card {CARD}").reject("cut_answer")
    other = chat("other", ENG, "What?", f"{CARD}.").but(lineage={"author": "openai gpt"})
    return [asked, given, out, other]


def looked(*languages: Lang) -> Checked:
    return checked(rows(), OWN, languages[0] if languages else ENG, (SPA, CAT))


def test_each_kind_is_counted_by_whose_words_it_is_in():
    found = {(line.of, line.whose, line.kind): line[4:] for line in looked().lines}
    assert len(found) == 4 * 4
    assert {where: line for where, line in found.items() if line != (0, 0, 0, ())} == {
        ("answers", "the model's own", "mail"): (1, 2, 1, ("a… (mail) in row 2", "b… (mail) in row 2")),
        ("answers", "the model's own", "phone"): (1, 2, 0, ("(… (phone) in row 1", "(… (phone) in row 1")),
        ("answers", "the model's own", "card"): (1, 1, 0, ("4… (card) in row 3",)),
        ("answers", "given", "card"): (1, 1, 0, ("4… (card) in row 4",)),
        ("questions", "the model's own", "mail"): (1, 1, 0, ("a… (mail) in row 1",)),
    }
    assert {(line.of, line.whose): line.texts for line in looked().lines} == {
        ("answers", "the model's own"): 3, ("answers", "given"): 1,
        ("questions", "the model's own"): 1, ("questions", "given"): 3,
    }  # fmt: skip


def test_what_was_checked_and_what_was_not_is_said():
    said = " ".join(looked().sentences)
    for part in (
        "Checked: 1 answers (given) and 3 answers (the model's own) and 3 questions (given) and 1 questions (the model's own)"
        " in English before translation", "the national one of US", "Not checked by themselves: translations into Spanish, Cat",
        "Not checked: text by people", "Not looked for: names, postal addresses",
    ):  # fmt: skip
        assert part in said
    assert "national formats are not checked" not in said


def test_phones_of_a_language_without_a_country_are_not_checked():
    said = looked(Lang("epo"))
    assert any("national formats are not checked" in sentence for sentence in said.sentences)
    assert not [line for line in said.lines if line.kind == "phone" and line.found]


def test_without_the_answers_nothing_is_claimed():
    assert checked(None, OWN, ENG, (SPA,)) == ([], ["Personal data: not checked, the answers are not at hand."])


def test_nothing_is_shown_in_full():
    written = json.dumps(looked().as_numbers())
    for whole in (MAIL, PHONE, CARD, "bob@mail.org", MAIL[1:], CARD[1:]):
        assert whole not in written
    assert hidden(f"Write to {MAIL} or x@example.com.", ()) == "Write to a… (mail) or x@example.com."


@pytest.fixture
def page(tmp_path: Path) -> str:
    """The report's page with personal data in answers before and after, and in translations."""
    item = Item(id="1", value=0.0, prompt=f"Who is {MAIL}?", answer=f"Call {PHONE}.", reference=CARD)
    pair = Change(score("loops", ENG, 0.5, items=(item,)), score("loops", ENG, 0.5, items=(item,)))
    with working(Workspace(tmp_path / "runs")) as space:
        for name, said in (("answer", rows()), ("translate", [chat("file", SPA, f"¿{MAIL}?", f"{PHONE} {CARD}")])):
            folder = space.root / "stages" / f"{name}-1"
            folder.mkdir(parents=True)
            write_shard(folder, 0, said)
            finish(folder, {})
            space.finished.append((name, Rows(folder), False))
        return html(
            [pair, change("text_bits", SPA, 1.0, 0.9)], [], None, settings=ReportSettings(rich=ENG, targets=(SPA,)),
            version="0", tables={}, means=[], seeds={}, about={}, plan="", verdict=[], warnings=[], personal=looked(),
            funnel={"read": {}, "rejected": {}, "groups": {}, "redacted": {"mail": 3}},
            served=Served(equal=1, of=1, differing=(), faults=()),
        )  # fmt: skip


def test_the_page_shows_the_table_and_none_of_what_was_found(page: str):
    assert page.count("<td>mail</td>") == 4
    assert "a… (mail) in row 2" in page
    assert "Taken out of the training rows: mail in 3 rows." in page
    assert "Who is a… (mail)?" in page
    assert "Call (… (phone)." in page
    for whole in (MAIL, PHONE, CARD, "bob@mail.org"):
        assert whole not in page
