"""The page of benchmarks says what the results say: both are written by `make bench`, and belong in one commit."""

from benchmarks import page


def test_the_page_and_its_plots_are_made_of_the_results():
    answers = page.read()
    assert page.PAGE.read_text() == page.page(answers)
    written = {file.stem: file.read_text() for file in page.PLOTS.glob("*.svg")}
    assert written == page.plots(answers)


def test_every_result_has_its_place():
    assert set(page.read()) <= set(page.questions())
