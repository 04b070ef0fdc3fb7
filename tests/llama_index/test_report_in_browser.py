"""The report in a real Chromium: filter, open, keys, light and dark, print; silent and offline."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from urllib.parse import urlsplit

import pytest

pytest.importorskip("selenium")

from pypdf import PdfReader
from selenium import webdriver

from glyph_shared import Document
from llama_index_glyph.compare import Passage, Question, Reading, compare
from llama_index_glyph.compare.report import write_report
from tests.llama_index.report_sample import make_sample

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1280,900",
)  # fmt: skip
BLACK_BELOW, WHITE_ABOVE = 60, 240
ATTACK = (
    "</script><script>document.title='attacked'</script><img src=x onerror=\"document.title=1\">"
)
KEYS = {"enter": "\ue007", "escape": "\ue00c", "down": "\ue015", "up": "\ue013"}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="install chromium and chromium-driver"),
]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = make_sample(tmp_path_factory.mktemp("sample"), questions=20)
    results = folder / "results.jsonl"
    rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    for row in rows[:3]:
        row["question"] += ATTACK
        row["answer"] += ATTACK
        for chunk in row["retrieved"]:
            chunk["text"] = ATTACK
    results.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return write_report(folder).as_uri()


class Screen:
    """What a person sees of the report, and does to it."""

    def __init__(self, driver):
        self.driver = driver

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def shown(self):
        return [row for row in self.all("tr.question") if row.is_displayed()]

    def press(self, keys):
        self.driver.switch_to.active_element.send_keys(KEYS.get(keys, keys))

    def focused(self):
        return self.driver.switch_to.active_element.text

    def prefer(self, scheme, medium=""):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        emulated = {"features": features, "media": medium}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)

    def paper(self):
        """The lightness of the page's background, 0 to 255."""
        script = "return getComputedStyle(document.body).backgroundColor"
        return int(self.driver.execute_script(script).split("(")[1].split(",")[0])


@pytest.fixture
def screen(chromium, report):
    screen = Screen(chromium)
    screen.prefer("light")
    chromium.get_log("browser")
    chromium.get_log("performance")
    chromium.get(report)
    yield screen
    assert chromium.get_log("browser") == []  # errors, warnings, violations of the policy
    assert chromium.title == "RAG against full context"


def requested(driver):
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


def test_all_questions_are_shown_at_first(screen):
    assert len(screen.shown()) == 20
    assert screen.one("#shown").text == "20"


def test_a_verdict_s_number_shows_as_many_questions_and_shows_all_again(screen):
    button = screen.one('button.filter[data-value="gold not retrieved"][data-arm="1"]')
    button.click()
    assert len(screen.shown()) == int(button.text)
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert len(screen.shown()) == 20


def test_a_verdict_s_name_shows_the_questions_that_any_arm_met_it_in(screen):
    screen.one('button.filter[data-value="retrieved but wrong"][data-arm=""]').click()
    numbers = screen.all('button.filter[data-value="retrieved but wrong"]:not([data-arm=""])')
    assert len(screen.shown()) >= max(int(number.text) for number in numbers)


def test_an_outcome_shows_its_questions(screen):
    screen.one('button.filter[data-value="all right"]').click()
    cells = [cell for row in screen.shown() for cell in row.find_elements("css selector", "td")]
    assert {cell.get_attribute("title") for cell in cells} <= {"right", "unanswerable: right"}


def test_a_verdict_and_words_narrow_together(screen):
    screen.one('button.filter[data-value="right"][data-arm="0"]').click()
    before = len(screen.shown())
    screen.one("#search").send_keys("WORKSHOP")
    assert 0 < len(screen.shown()) < before
    assert all("workshop" in row.text for row in screen.shown())


def test_words_that_nothing_has_say_so(screen):
    screen.one("#search").send_keys("zzz")
    assert screen.one("#nothing").is_displayed()
    screen.one("#clear").click()
    assert len(screen.shown()) == 20


def test_a_question_opens_with_answers_chunks_and_marked_pages_side_by_side(screen):
    screen.all("button.open")[2].click()
    opened = screen.one("tr.detail")
    columns = opened.find_elements("css selector", ".result")
    tops = {column.location["y"] for column in columns}
    assert (len(columns), len(tops)) == (3, 1)
    assert opened.find_element("css selector", "mark").text.startswith("The ")
    page, mark = screen.one(".page img"), screen.one(".page rect")
    assert page.get_property("naturalWidth") == 360
    assert page.rect["y"] <= mark.rect["y"] <= page.rect["y"] + page.rect["height"]
    assert screen.one(".part img").get_property("naturalHeight") > 18
    screen.all("button.open")[2].click()
    assert not screen.all("tr.detail")


def test_a_page_grows_when_it_is_clicked(screen):
    screen.all("button.open")[2].click()
    before = screen.one(".page").size["width"]
    screen.one(".page").click()
    assert screen.one(".page").size["width"] > before


def test_texts_with_markup_are_shown_as_they_stand(screen):
    screen.all("button.open")[0].click()
    assert ATTACK in screen.one("tr.question .text").text
    assert ATTACK in screen.one("tr.detail .said").text
    assert screen.one("tr.detail .chunk-text").text == ATTACK


@pytest.mark.parametrize(("down", "up"), [("j", "k"), ("down", "up")])
def test_keys_walk_open_and_close(screen, down, up):
    screen.press("j")
    for key in (down, down, up):
        screen.press(key)
    assert screen.focused() == screen.all("button.open")[1].text
    screen.press("enter")
    assert screen.one("tr.detail").is_displayed()
    screen.press("enter")
    assert not screen.all("tr.detail")


def test_keys_skip_what_a_filter_hides(screen):
    screen.one('button.filter[data-value="page misread"][data-arm="0"]').click()
    for row in screen.shown():
        screen.press("j")
        assert screen.focused() in row.text


def test_a_slash_filters_and_escape_shows_all_again(screen):
    screen.press("/")
    screen.press("geneva jk?")
    assert screen.one("#search").get_property("value") == "geneva jk?"
    assert not screen.shown()
    screen.press("escape")
    assert len(screen.shown()) == 20


def test_a_question_mark_lists_the_keys_and_escape_closes_them(screen):
    screen.press("?")
    assert screen.one("#keys").is_displayed()
    screen.press("escape")
    assert not screen.one("#keys").is_displayed()


def test_light_follows_the_system_until_the_switch_says_otherwise(screen):
    assert screen.paper() > WHITE_ABOVE
    screen.prefer("dark")
    assert screen.paper() < BLACK_BELOW
    screen.one("#theme").click()
    assert screen.paper() > WHITE_ABOVE
    assert screen.one("#theme").text == "Dark"


def test_print_is_light_without_controls_and_holds_opened_questions(screen, tmp_path):
    screen.prefer("dark")
    screen.all("button.open")[2].click()
    screen.prefer("dark", "print")
    assert not screen.one("#search").is_displayed()
    assert not screen.one("#theme").is_displayed()
    printed = screen.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    (tmp_path / "report.pdf").write_bytes(base64.b64decode(printed["data"]))
    text = "".join(page.extract_text() for page in PdfReader(tmp_path / "report.pdf").pages)
    assert "holds the gold" in text
    assert text.count("What is the") == 20


def test_a_narrow_window_does_not_scroll_sideways(screen):
    small = {"width": 380, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    screen.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", small)
    screen.all("button.open")[2].click()
    width = screen.driver.execute_script("return document.documentElement.scrollWidth")
    screen.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 380


async def _fails(question):
    raise RuntimeError(f"no answer {ATTACK}")


async def _talks(question):
    text = "word " * 100_000 + ATTACK
    chunk = Passage("long.txt", 0, Document.from_text(text, "long.txt"))
    return Reading(text, retrieved=(chunk,), shown=(("long.txt", 0, len(text)),))


@pytest.mark.parametrize(
    "arms",
    [
        {"one": _talks},
        {"bad": _fails, "worse": _fails},
        {f"a rather long name {n}": _talks for n in range(7)},
    ],
    ids=["one arm", "all failed", "seven arms"],
)
def test_odd_comparisons_open_without_a_complaint(screen, tmp_path, arms):
    documents = [Document.from_text("word " * 100_000, "long.txt")]
    asked = [Question(f"q{n}", f"{'What ' * 400 * n}{ATTACK}?", ("x",)) for n in range(2)]
    asyncio.run(compare(documents, asked, arms, tmp_path))
    screen.driver.get(write_report(tmp_path).as_uri())
    assert screen.shown()[1].size["height"] < 200
    screen.all("button.open")[1].click()
    assert len(screen.all("tr.detail .result")) == len(arms)
    assert screen.driver.execute_script("return document.documentElement.scrollWidth") <= 1280


def test_nothing_is_requested_but_the_file_itself(screen, report):
    for button in screen.all("button.open")[:5]:
        button.click()
    found = requested(screen.driver)
    assert report in found
    assert {urlsplit(url).scheme for url in found if url != report} <= {"data"}
