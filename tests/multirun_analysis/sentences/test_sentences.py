"""Every number in the pages on results is the one that the committed tables give."""

import pytest
from claims import Claim, Page, agrees, numbers, shown
from pages import PAGES

CLAIMS = [pytest.param(page, claim, id=f"{page.path}: {shown(claim.text)[:60]}") for page in PAGES for claim in page.claims]


@pytest.mark.parametrize(("page", "claim"), CLAIMS)
def test_a_sentence_says_what_the_tables_say(page: Page, claim: Claim) -> None:
    assert page.text().count(shown(claim.text)) == 1, "the page has no such passage, or several"
    written, values = numbers(claim.text), claim.values(page.tables())
    assert len(written) == len(values), f"{len(written)} numbers, {len(values)} values: {written}"
    wrong = [f"{number} is {value}" for number, value in zip(written, values, strict=True) if not agrees(number, value)]
    assert not wrong


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_whole], ids=lambda page: page.path)
def test_every_number_of_a_page_has_a_claim(page: Page) -> None:
    assert page.uncovered() == []
