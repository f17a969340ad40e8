"""Questions and aftercare pages: complete, and each fits the screen."""

import pytest
from panel_rig import Rig

import aftercare

PAGES = (
    [aftercare.NOTICE] + [page for _, page in aftercare.QUESTIONS] + [page for _, page in aftercare.AFTERCARE]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page[0])
def test_a_page_fits_and_reads_back(page):
    assert 1 <= len(page) <= 6
    rig = Rig()
    for row, line in enumerate(page):
        rig.screen.line(1 + row, line)
    assert [line.rstrip() for line in rig.lines()[1 : 1 + len(page)]] == list(page)


@pytest.mark.parametrize("title", [title for title, _ in aftercare.AFTERCARE])
def test_a_title_fits_beside_a_page_count(title):
    assert len(title) <= 21 - len(" 1/4")


@pytest.mark.parametrize(
    "words",
    [
        ("acne", "infection"), ("Herpes",), ("wound", "sunburn"), ("Eczema", "psoriasis"), ("Skin cancer",),
        ("Bleeding", "anticoagulants"), ("Isotretinoin", "6 months"), ("keloids",), ("Pregnant",),
        ("Scleroderma",), ("steel", "anaesthetic"),
    ],
)  # fmt: skip
def test_every_contraindication_is_asked_once(words):
    asked = [" ".join(page) for _, page in aftercare.QUESTIONS]
    assert sum(all(word in question for word in words) for question in asked) == 1


def test_questions_have_keys_of_their_own_and_end_in_a_question_mark():
    assert len(aftercare.QUESTIONS) == 11
    assert len({key for key, _ in aftercare.QUESTIONS}) == 11
    assert all(page[-1].endswith("?") for _, page in aftercare.QUESTIONS)


def test_the_notice_says_what_it_is():
    assert "not clinical advice" in " ".join(aftercare.NOTICE)
