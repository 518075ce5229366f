"""The page: complete, escaped, asking nothing of any network, and working in a browser, on a desk and on a phone."""

import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from analysis_sweeps import expect, four_records, make_record, write_record
from matplotlib.colors import to_hex

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.page import REPORT_FILE
from multirun_analysis.page.page import Cell, Fact, Section, Table, cell, frame_table, page
from multirun_analysis.plots.grounds import DARK, LEAST, LIGHT, contrast
from multirun_analysis.report.drawing import write_page
from multirun_analysis.schema import sealed_line
from multirun_analysis.tables.sweep import sweep_frames

EVIL = "<img src=x onerror=alert(1)></script><script>document.title='owned'</script>\"'&\u202e\u0000\ud83d\ude00 =1+1"
SCOPE = {"dataset": EVIL, "model": EVIL, "model.note": EVIL}
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
BOX = "(({left, right, top, bottom}) => [left, right, top, bottom])(part.getBoundingClientRect())"
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


def test_rows_of_a_comparison_are_filtered_by_both_of_its_methods():
    frame = pd.DataFrame({"width": [8, 16], "method": ["a", "a"], "other": ["b", "c"], "mean": [0.1, 0.2]})
    table = frame_table("t", "", frame, keys={"width": "width", "method": "matching", "other": "matching"})
    assert table.rows_filtered_by == [["width=8", "matching=a", "matching=b"], ["width=16", "matching=a", "matching=c"]]


@pytest.fixture(scope="module")
def whole(folder):
    return page_of(folder, brief=False)


OPEN = "for (const part of document.querySelectorAll('details')) part.open = true;"
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
        browser.execute_script("arguments[0].click()", table.find_elements("css selector", "thead button")[0])  # none on a phone
        assert table.find_element("css selector", "thead th").get_attribute("aria-sort") == order
        assert column(table, 0) == sorted(widths, key=lambda text: sign * int(text))  # by value: 8 before 16
    for button in browser.find_elements("css selector", "thead button"):
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()", button)

    marker = browser.find_element("css selector", "[data-tip]")
    browser.execute_script("arguments[0].dispatchEvent(new PointerEvent('pointerover', {bubbles: true, clientX: 50, clientY: 50}))", marker)
    tip = browser.find_element("id", "tip")
    assert tip.is_displayed()
    assert tip.text == marker.get_attribute("data-tip").strip()
    assert marker.get_attribute("data-tip").count("\n") >= 2

    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")  # nothing sticks out sideways
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


@pytest.mark.needs("chromium", "chromedriver")
@pytest.mark.parametrize("browser", [PHONE], indirect=True)
def test_on_a_phone_every_value_of_the_main_table_is_seen_and_panels_stand_under_one_another(whole, browser):
    browser.get(whole.as_uri())
    browser.execute_script(OPEN)
    cells = browser.execute_script(f"return [...document.querySelectorAll('.stacked td')].map((part) => {BOX})")
    assert cells
    assert all(0 <= left and right <= 390 and bottom > top for left, right, top, bottom in cells)
    panels = browser.execute_script(f"return [...document.querySelectorAll('#barrier_vs_width .panel svg')].map((part) => {BOX})")
    assert len(panels) > 1
    assert all(right - left > 300 for left, right, *_ in panels)
    assert all(above[3] <= below[2] for above, below in zip(panels, panels[1:], strict=False))


@pytest.mark.needs("chromium", "chromedriver")
@pytest.mark.parametrize("browser", [DESK, PHONE], indirect=True)
def test_every_mark_is_told_from_the_ground_that_it_is_on(whole, browser):
    browser.get(whole.as_uri())
    browser.execute_script(OPEN)
    (ground, shown) = browser.execute_script(
        "const style = (part) => getComputedStyle(part);"
        "return [style(document.body).backgroundColor, [...document.querySelectorAll('.panel [data-tip]:not([pointer-events])')]"
        ".map((part) => style(part).stroke === 'none' ? style(part).fill : style(part).stroke)]"
    )
    ground, *colours = (to_hex([int(part) / 255 for part in re.findall(r"\d+", text)[:3]]) for text in (ground, *shown))
    assert ground == (LIGHT if browser.execute_script("return innerWidth") > 500 else DARK)
    assert colours
    assert min(contrast(colour, ground) for colour in colours) >= LEAST


@pytest.mark.needs("chromium", "chromedriver")
@pytest.mark.parametrize("browser", [DESK], indirect=True)
def test_a_filter_hides_what_is_of_a_value_and_nothing_else(whole, browser):
    browser.get(whole.as_uri())
    browser.execute_script(OPEN)
    boxes = browser.find_elements("css selector", "#filters input")
    for box in boxes:
        value = box.get_attribute("value")
        box.click()
        of_it, others = browser.execute_script(
            "const is = (part) => part.dataset.is.split('|').includes(arguments[0]), all = [...document.querySelectorAll('[data-is]')];"
            "return [all.filter(is).map((part) => part.getClientRects().length), all.filter((part) => !is(part)).map((part) => part.className)]"
            .replace("part.className)]", "part.classList.contains('off'))]"), value,
        )  # fmt: skip
        assert of_it, value
        assert not any(of_it), value
        assert not any(others), value
        box.click()
    assert {box.get_attribute("value").partition("=")[0] for box in boxes} >= {"matching", "split", "width"}
    from selenium.webdriver.support.wait import WebDriverWait

    boxes[0].click()
    browser.find_element("css selector", "#filters button").click()
    assert WebDriverWait(browser, 10).until(lambda _: browser.find_elements("css selector", ".off") == [])


@pytest.mark.needs("chromium", "chromedriver")
@pytest.mark.parametrize("browser", [DESK], indirect=True)
def test_links_unfold_what_they_lead_to_and_paper_shows_all(whole, browser):
    browser.get("about:blank")
    browser.get(f"{whole.as_uri()}#run")
    folded = "return [...document.querySelectorAll('details:not([open])')].map((part) => part.id)"
    assert "run" not in browser.execute_script(folded)
    before = browser.execute_script(folded)
    assert {"figures", "conclusions", "tables"} <= set(before)
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.execute_script(folded) == []
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script(folded) == before


@pytest.mark.needs("chromium", "chromedriver")
@pytest.mark.parametrize("browser", [DESK], indirect=True)
def test_without_a_script_folded_parts_unfold_and_there_are_no_filters(whole, browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get("about:blank")
    browser.get(whole.as_uri())
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})  # the page's own did not run
    assert browser.find_elements("css selector", "thead button") == []
    assert not browser.find_element("id", "filters").is_displayed()
    browser.find_element("css selector", "#conclusions > summary").click()
    assert browser.find_element("css selector", "#conclusions table").is_displayed()


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
