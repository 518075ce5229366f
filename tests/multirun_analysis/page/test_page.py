"""The page: complete, escaped, asking nothing of any network, and working in a browser, on a desk and on a phone."""

import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from analysis_sweeps import expect, four_records, make_record, write_record

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.page import REPORT_FILE
from multirun_analysis.page.page import Cell, Fact, Section, Table, cell, frame_table, page
from multirun_analysis.report.drawing import write_page
from multirun_analysis.schema import sealed_line
from multirun_analysis.tables.sweep import sweep_frames

EVIL = "<img src=x onerror=alert(1)></script><script>document.title='owned'</script>\"'&\u202e\u0000\ud83d\ude00 =1+1"
SCOPE = {"dataset": EVIL, "model": EVIL, "model.note": EVIL}
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Outside(HTMLParser):
    """Collects everything in a page that a browser would fetch, and the scripts."""

    def __init__(self):
        super().__init__()
        self.fetched, self.scripts, self.handlers = [], 0, []

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        for name, value in attrs:
            self.handlers += [name] if name.startswith("on") else []
            if name in ("src", "srcset", "data", "action") or (tag == "link" and name == "href"):
                self.fetched.append(value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a sweep with markup wherever a text can stand: settings, notes, methods, sentences, jobs, commands."""
    folder = tmp_path_factory.mktemp("sweep")
    records = [record | {"scope": record["scope"] | SCOPE, "notes": [EVIL]} for record in four_records()]
    records += [make_record("diverged", seed=2, status="diverged", **SCOPE, **{"optimizer.name": EVIL}) | {"sentence": EVIL}]
    for record in records:
        for entry in (*record["matching"], *record["runs"], *record["curves"], *record["layers"]):
            entry["matching"] = EVIL if entry["matching"] == "weights" else entry["matching"]
        write_record(folder / record["run_id"], record)
    lost = make_record("lost", seed=3, **SCOPE)
    (folder / "expected.jsonl").write_text("".join(sealed_line(expect(record, EVIL)) for record in (*records, lost)))
    (folder / "commands.jsonl").write_text(sealed_line({"command": EVIL}))
    return folder


def page_of(folder, *, brief):
    """Return the page of a sweep, written into a folder within it."""
    sweep, out = find_sweep(folder), folder / ("brief" if brief else "whole")
    write_page(sweep, sweep_frames(sweep), [folder], out, brief=brief, files=False)
    return out / REPORT_FILE


@pytest.fixture(scope="module")
def html(folder):
    return page_of(folder, brief=True).read_text()


def test_the_page_asks_nothing_of_any_network(html):
    reader = Outside()
    reader.feed(html)
    assert all(value.startswith("data:") for value in reader.fetched)
    assert "default-src 'none'" in html
    assert not re.search(r"url\((?!#)", html)


def test_what_comes_from_records_is_escaped(html):
    reader = Outside()
    reader.feed(html)
    assert reader.scripts == 1
    assert reader.handlers == []
    assert "x" not in reader.fetched
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_a_frame_as_a_table_names_constants_once_and_keeps_full_precision_for_sorting():
    frame = pd.DataFrame({"metric": ["loss", "loss"], "mean": [0.123456789, float("nan")], "n": [2, 3]})
    table = frame_table("title", "caption.", frame, most=1)
    assert table.header == ["mean", "n"]
    assert table.caption == "caption. In all rows: metric = loss. The first 1 of 2 rows; the CSV has all."
    assert table.rows == [[Cell("0.1235", "0.123456789"), Cell("2", "2.0")]]
    assert cell(float("nan")) == Cell("", "")
    assert cell("words") == Cell("words")


@pytest.fixture(scope="module")
def whole(folder):
    return page_of(folder, brief=False)


DESK, PHONE = pytest.param((1280, 900, "light"), id="desk"), pytest.param((390, 844, "dark"), id="phone")


@pytest.fixture(scope="module")
def browser(request, tmp_path_factory):
    from selenium import webdriver

    width, height, scheme = request.param
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    )
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    yield driver
    driver.quit()


def column(table, number):
    return [row.find_elements("tag name", "td")[number].text for row in table.find_elements("css selector", "tbody tr")]


@pytest.mark.needs("chromium", "chromedriver")
@pytest.mark.parametrize("browser", [DESK, PHONE], indirect=True)
def test_the_page_works_in_a_browser(whole, browser):
    browser.get(whole.as_uri())
    assert browser.title.startswith("Sweep ")  # no script of a record ran

    for summary in browser.find_elements("tag name", "summary"):
        summary.click()
    assert all(part.get_attribute("open") for part in browser.find_elements("tag name", "details"))
    for link in browser.find_elements("css selector", "nav a"):
        link.click()
        assert browser.execute_script("return document.querySelector(location.hash) !== null")

    table = browser.find_element("css selector", "#results table.sortable")
    widths = column(table, 0)
    for order, sign in (("ascending", 1), ("descending", -1)):
        table.find_elements("css selector", "thead button")[0].click()
        assert table.find_element("css selector", "thead th").get_attribute("aria-sort") == order
        assert column(table, 0) == sorted(widths, key=lambda text: sign * int(text))  # by value: 8 before 16
    for button in browser.find_elements("css selector", "thead button"):
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()", button)

    marker = browser.find_element("css selector", "[data-tip]")
    browser.execute_script("arguments[0].dispatchEvent(new PointerEvent('pointerover', {bubbles: true, clientX: 50, clientY: 50}))", marker)
    tip = browser.find_element("id", "tip")
    assert tip.is_displayed()
    assert tip.text == marker.get_attribute("data-tip").strip()

    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")  # nothing sticks out sideways
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


@pytest.mark.needs("chromium", "chromedriver")
@pytest.mark.parametrize("browser", [DESK], indirect=True)
def test_the_browser_would_refuse_a_script_that_got_in(browser, tmp_path):
    html = page("t", "", [Fact("1", "job")], [Section("a", "A", [Table("", "", ["x"], [[Cell("1")]])])])
    (tmp_path / "page.html").write_text(html.replace("</main>", "<script>document.title='owned'</script></main>"))
    browser.get((tmp_path / "page.html").as_uri())
    assert browser.title == "t"
    assert any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser"))


def test_a_table_of_the_page_says_how_many_rows_it_has_left_out():
    table = frame_table("t", "", pd.DataFrame({"a": range(9)}), most=4)
    assert (table.caption, len(table.rows)) == ("The first 4 of 9 rows; the CSV has all.", 4)
