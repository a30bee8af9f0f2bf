"""The report in a real browser, opened from disk: headless Chromium driven by Selenium.

Needs Debian's chromium and chromium-driver (or ``CHROMIUM`` and ``CHROMEDRIVER``); the check for
accessibility needs axe-core's ``axe.min.js``, whose path is given in ``AXE_CORE``.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from harness.report import curves
from harness.report.render import render_report
from tests.report import golden, synthetic

pytestmark = pytest.mark.browser

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything: ten variants, pictures, curves, odd figures, hostile names."""
    folder = tmp_path_factory.mktemp("browser")
    run = folder / "run"
    records = [*synthetic.full_run(), *golden.records()]
    records += synthetic.all_pictures(run)
    values = [30.0 + 0.1 * i for i in range(100)]
    records.append(synthetic.quality("hostile", 4, "BSDS100", values, label=SCRIPT))
    synthetic.write_run(run, records, synthetic.RUN)
    with patch.object(curves, "manifest", synthetic.manifest):
        return render_report(run, folder / "report")[0]


def find(variable: str, *names: str) -> str:
    """A program's path; skips with the reason where there is none."""
    path = os.environ.get(variable) or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"no {names[0]} found: install it, or set {variable}")
    return path


def start(*options: str, **preferences: Any) -> Any:
    """A headless Chromium that logs its console and its requests."""
    webdriver = pytest.importorskip("selenium.webdriver")
    settings = webdriver.ChromeOptions()
    settings.binary_location = find("CHROMIUM", "chromium", "chromium-browser", "google-chrome")
    for option in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        *options,
    ):
        settings.add_argument(option)
    if preferences:
        settings.add_experimental_option("prefs", preferences)
    settings.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(find("CHROMEDRIVER", "chromedriver"))
    return webdriver.Chrome(options=settings, service=service)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    driver = start()
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: Any, page: Path) -> Any:
    """The report, freshly opened at 1400 x 900, with empty logs."""
    chromium.get("about:blank")
    chromium.get_log("browser")
    chromium.get_log("performance")
    resize(chromium, 1400)
    chromium.get(page.as_uri())
    chromium.execute_script("localStorage.clear()")
    return chromium


@pytest.fixture
def unfolded(browser: Any) -> Any:
    """The same with every fold open."""
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    return browser


def resize(driver: Any, width: int) -> None:
    """The page's own width: windows cannot be as narrow as a telephone."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def css(driver: Any, selector: str) -> list[Any]:
    return driver.find_elements("css selector", selector)


def shown(driver: Any, selector: str) -> list[Any]:
    """Those elements that are displayed, found in one go."""
    script = "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility())"
    return driver.execute_script(script, selector)


def column(driver: Any, table: str, number: int) -> list[str]:
    """The first lines of a column's visible cells."""
    script = (
        "return [...document.querySelectorAll('#' + arguments[0] + ' tbody tr')]"
        ".filter(r => !r.hidden).map(r => r.cells[arguments[1]].firstChild.textContent)"
    )
    return driver.execute_script(script, table, number)


def switch(driver: Any, scale: str) -> None:
    driver.execute_script(
        "const f = document.querySelector(`input[name=scale][value='${arguments[0]}']`); f.click()",
        scale,
    )


def requested(driver: Any) -> set[str]:
    """Addresses that were asked for since the log was last read."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }


def number(text: str) -> float:
    return float(text.replace("\u2212", "-").replace(",", ""))


def test_opens_from_disk_without_errors_or_requests(browser: Any, page: Path) -> None:
    switch(browser, "")
    for details in css(browser, "details"):
        browser.execute_script("arguments[0].open = true", details)
    browser.execute_script("scrollTo(0, document.body.scrollHeight)")
    time.sleep(0.3)
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    urls = requested(browser)
    assert page.as_uri() in urls
    assert {url for url in urls if not url.startswith("data:")} == {page.as_uri()}


def test_hostile_names_are_read_not_run(browser: Any) -> None:
    browser.execute_script("window.alert = () => { window.alerted = true }")
    assert SCRIPT in column(browser, "quality", 0)
    assert browser.execute_script("return window.alerted") is None


def test_first_screen_tells_findings_and_warnings(browser: Any) -> None:
    """The headlines are in the first window; their evidence and the warnings may be longer."""
    top = browser.execute_script(
        "return Math.max(...[...document.querySelectorAll('.findings li')]"
        ".map(e => e.getBoundingClientRect().top))"
    )
    assert top < 700
    assert shown(browser, ".warnings")
    assert len(shown(browser, ".findings li")) == 3
    bottom = "return document.querySelector('.findings').getBoundingClientRect().bottom"
    assert browser.execute_script(bottom) <= 900


def test_evidence_opens_by_keyboard(browser: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    fold = css(browser, ".findings details")[0]
    folded = fold.size["height"]
    assert fold.get_attribute("open") is None
    fold.find_element("css selector", "summary").send_keys(Keys.ENTER)
    assert fold.get_attribute("open") == "true"
    assert fold.size["height"] > 2 * folded


def test_a_click_sorts_and_another_turns_it(unfolded: Any) -> None:
    browser = unfolded
    heads = css(browser, "#quality thead button")
    heads[4].click()
    falling = [number(text) for text in column(browser, "quality", 4)]
    assert falling == sorted(falling, reverse=True)
    assert heads[4].find_element("xpath", "..").get_attribute("aria-sort") == "descending"
    heads[4].click()
    assert [number(text) for text in column(browser, "quality", 4)] == falling[::-1]
    heads[0].click()
    names = column(browser, "quality", 0)
    assert names == sorted(names, key=str.lower)


def test_what_was_not_measured_stays_last(unfolded: Any) -> None:
    browser = unfolded
    browser.execute_script("document.querySelector('select[name=dataset]').value = 'Set14'")
    browser.execute_script("document.forms[0].dispatchEvent(new Event('input'))")
    heads = css(browser, "#quality thead button")
    for _ in range(2):
        heads[4].click()
        texts = column(browser, "quality", 4)
        assert "not measured" not in texts[:-1]
    switch(browser, "2")
    heads[4].click()
    assert "not measured" not in column(browser, "quality", 4)[:-1]


def test_the_filter_leaves_matching_rows(unfolded: Any) -> None:
    browser = unfolded
    field = css(browser, "input[type=search]")[0]
    field.send_keys("cms-lapsrn (1")
    assert column(browser, "quality", 0) == ["CMS-LapSRN (1st Conv)"]
    assert set(column(browser, "cost", 0)) == {"CMS-LapSRN (1st Conv)"}
    assert "by the switches above" in css(browser, "#quality-section")[0].text
    field.clear()
    field.send_keys("nobody")
    assert column(browser, "quality", 0) == []


@pytest.mark.parametrize("scale", ["2", "8"])
def test_the_switch_changes_scale_everywhere(unfolded: Any, scale: str) -> None:
    browser = unfolded
    switch(browser, scale)
    assert set(column(browser, "quality", 1)) == {f"{scale}\u00d7"}
    assert set(column(browser, "latency", 1)) == {f"{scale}\u00d7"}
    figures = shown(browser, "figure.plot[data-scale]")
    assert {f.get_attribute("data-scale") for f in figures} == {scale}
    tables = shown(browser, "#paper .table[data-scale] table")
    assert f"paper-{scale}x" in [t.get_attribute("id") for t in tables]
    tables = shown(browser, ".table[data-scale] table")
    assert all(t.get_attribute("id").endswith(f"-{scale}x") for t in tables)
    switch(browser, "")
    assert {"2\u00d7", "4\u00d7", "8\u00d7"} == set(column(browser, "quality", 1))


def test_an_address_carries_the_view(unfolded: Any, page: Path) -> None:
    browser = unfolded
    switch(browser, "8")
    css(browser, "input[type=search]")[0].send_keys("cms")
    css(browser, "#quality thead button")[4].click()
    address = browser.current_url
    assert "scale=8" in address
    before = column(browser, "quality", 0)
    browser.get("about:blank")
    browser.get(address)
    assert column(browser, "quality", 0) == before
    assert set(column(browser, "quality", 1)) == {"8\u00d7"}
    browser.get(page.as_uri() + "#cost-section?scale=2&dataset=nowhere&sort=x:99:d")
    time.sleep(0.1)
    assert set(column(browser, "cost", 1)) == {"2\u00d7"}
    top = browser.execute_script(
        "return document.getElementById('cost-section').getBoundingClientRect().top"
    )
    assert abs(top) < 200
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_a_link_to_a_section_keeps_the_view(browser: Any) -> None:
    switch(browser, "8")
    css(browser, "nav a[href='#latency-section']")[0].click()
    time.sleep(0.1)
    assert set(column(browser, "quality", 1)) == {"8\u00d7"}
    assert "#latency-section?" in browser.current_url


def test_the_slider_follows_mouse_and_keys(browser: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    pair = shown(browser, ".pair")[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", pair)
    knob = pair.find_element("css selector", "input")
    at = "return getComputedStyle(arguments[0]).getPropertyValue('--x').trim()"
    clip = "return getComputedStyle(arguments[0].querySelector('.over')).clipPath"
    assert browser.execute_script(at, pair) == "50%"
    before = browser.execute_script(clip, pair)
    width = pair.size["width"]
    ActionChains(browser).click_and_hold(knob).move_by_offset(
        int(-0.3 * width), 0
    ).release().perform()
    moved = float(browser.execute_script(at, pair).rstrip("%"))
    assert 10 < moved < 30
    assert browser.execute_script(clip, pair) != before
    knob.send_keys(Keys.ARROW_RIGHT)
    assert float(browser.execute_script(at, pair).rstrip("%")) == moved + 1


def test_the_slider_compares_what_is_picked(browser: Any) -> None:
    crop = shown(browser, ".crop")[0]
    wanted = crop.find_elements("css selector", "img[data-name]")[3]
    select = crop.find_element("css selector", "select.left")
    select.find_elements("css selector", "option")[3].click()
    over = crop.find_element("css selector", ".over img")
    assert over.get_attribute("src") == wanted.get_attribute("src")
    assert over.get_attribute("alt") == wanted.get_attribute("alt")


def test_everything_can_be_reached_by_keyboard(unfolded: Any) -> None:
    browser = unfolded
    from selenium.webdriver.common.keys import Keys

    body = css(browser, "body")[0]
    body.send_keys(Keys.TAB)
    active = browser.switch_to.active_element
    assert active.get_attribute("class") == "skip"
    assert active.location["x"] >= 0
    head = css(browser, "#quality thead button")[4]
    browser.execute_script("arguments[0].focus()", head)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert head.find_element("xpath", "..").get_attribute("aria-sort") == "descending"
    radio = css(browser, "input[name=scale]:checked")[0]
    radio.send_keys(Keys.ARROW_RIGHT)
    assert set(column(browser, "quality", 1)) == {"8\u00d7"}


def test_the_theme_can_be_chosen(browser: Any) -> None:
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(colour)
    css(browser, "#theme")[0].click()
    dark = browser.execute_script(colour)
    assert light != dark
    browser.refresh()
    assert browser.execute_script(colour) == dark
    assert css(browser, "#theme")[0].text == "Light theme"


def test_chips_choose_several_variants_everywhere(unfolded: Any) -> None:
    browser = unfolded
    names = ("ms-lapsrn", "cms-lapsrn-conv3")
    for name in names:
        chip = css(browser, f"input[name=v][value='{name}']")[0]
        browser.execute_script("arguments[0].click()", chip)
    labels = {"MS-LapSRN", "CMS-LapSRN (3rd Conv)"}
    for table in ("quality", "cost", "latency"):
        assert {text.partition(" [")[0] for text in column(browser, table, 0)} == labels, table
    script = (
        "return [...document.querySelectorAll('figure.plot:not([hidden]) svg [data-name]')]"
        ".filter(e => e.checkVisibility() && !e.classList.contains('off'))"
        ".map(e => e.dataset.name.split(' [')[0])"
    )
    drawn = set(browser.execute_script(script))
    assert drawn
    assert drawn <= labels
    assert [browser.current_url.count(f"v={name}") for name in names] == [1, 1]
    for name in names:
        chip = css(browser, f"input[name=v][value='{name}']")[0]
        browser.execute_script("arguments[0].click()", chip)
    assert len(set(column(browser, "cost", 0))) > 2


def test_the_axes_of_the_trade_off_can_be_chosen(browser: Any) -> None:
    explorer = shown(browser, ".explorer")[0]
    across, up = explorer.find_elements("css selector", "select")
    label = "return arguments[0].querySelector('.views svg').getAttribute('aria-label')"
    before = browser.execute_script(label, explorer)
    wanted = across.find_elements("css selector", "option[value='macs']")
    wanted[0].click()
    up.find_elements("css selector", "option[value='ssim_y']")[0].click()
    figures = "return arguments[0].querySelector('.views').textContent"
    text = browser.execute_script(figures, explorer)
    # Equal costs of all networks are a sentence, and no plot with one column.
    assert "all have the same" in text or browser.execute_script(label, explorer) != before
    across.find_elements("css selector", "option[value='params']")[0].click()
    now = browser.execute_script(label, explorer)
    assert "SSIM over Parameters" in now
    titles = "return [...arguments[0].querySelectorAll('.views title')].map(e => e.textContent)"
    assert any(
        text.startswith("MS-LapSRN: SSIM 0.") for text in browser.execute_script(titles, explorer)
    )


def test_names_of_dots_stand_in_the_order_of_the_dots(browser: Any) -> None:
    """Where dots are above each other, so close that each name cannot stand beside its own."""
    script = """
        const drawing = document.querySelector('.views svg');
        const at = Object.fromEntries([...drawing.querySelectorAll('text')]
            .map(t => [t.textContent, Number(t.getAttribute('y'))]));
        return [...drawing.querySelectorAll('g circle')].map(c => {
            const name = c.parentNode.querySelector('title').textContent.split(':')[0];
            return [Number(c.getAttribute('cx')), Number(c.getAttribute('cy')), at[name]];
        }).filter(([, , y]) => y !== undefined);
    """
    dots = browser.execute_script(script)
    pairs = [(a, b) for a in dots for b in dots if abs(a[0] - b[0]) < 6 and a[1] < b[1] < a[1] + 22]
    assert pairs
    assert all(a[2] < b[2] for a, b in pairs)


def test_all_pictures_of_a_crop_are_enlarged_together(browser: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    crop = shown(browser, ".crop")[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", crop)
    crop.find_element("css selector", "[data-zoom='4']").send_keys(Keys.ENTER)
    lens = crop.find_elements("css selector", ".shots .lens")[1]
    ActionChains(browser).move_to_element_with_offset(lens, -20, -20).perform()
    script = (
        "return [...arguments[0].querySelectorAll('.lens img, .pair img')].map(e => {"
        "const s = getComputedStyle(e), b = e.parentNode.getBoundingClientRect();"
        "const [x, y] = s.transformOrigin.split(' ').map(parseFloat);"
        "return [s.transform, Math.round(20 * x / b.width), Math.round(20 * y / b.height)]})"
    )
    found = browser.execute_script(script, crop)
    assert len(found) > 4
    assert {transform for transform, _, _ in found} == {"matrix(4, 0, 0, 4, 0, 0)"}
    places = {(x, y) for _, x, y in found}
    assert len(places) == 1
    assert max(places.pop()) < 9


def test_the_table_of_images_sorts(unfolded: Any) -> None:
    head = css(unfolded, "#differences thead button")[4]
    unfolded.execute_script("arguments[0].click()", head)
    falling = [number(t) for t in column(unfolded, "differences", 4) if t != "\u2013"]
    assert len(falling) > 4
    assert falling == sorted(falling, reverse=True)


def test_every_table_links_to_its_csv(unfolded: Any, page: Path) -> None:
    script = (
        "return [...document.querySelectorAll('a.csv[download$=csv]')]"
        ".map(a => [a.download, a.href])"
    )
    links = unfolded.execute_script(script)
    assert len({name for name, _ in links}) > 8
    for name, address in links:
        kind, _, content = address.partition(",")
        assert kind == "data:text/csv;charset=utf-8;base64"
        assert base64.b64decode(content) == (page.parent / "tables" / name).read_bytes()
    tables = css(unfolded, ".table")
    assert all(table.find_elements("css selector", "a.csv") for table in tables)


def test_a_finger_and_keys_get_the_explanations(unfolded: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    tip = css(unfolded, "#tip")[0]
    cell = shown(unfolded, "#latency td[title]")[0]
    unfolded.execute_script("arguments[0].scrollIntoView({block: 'center'})", cell)
    box = unfolded.execute_script(
        "const b = arguments[0].getBoundingClientRect();"
        "return {x: b.x + b.width / 2, y: b.y + b.height / 2}", cell
    )  # fmt: skip
    for kind, points in (("touchStart", [box]), ("touchEnd", [])):
        event = {"type": kind, "touchPoints": points}
        unfolded.execute_cdp_cmd("Input.dispatchTouchEvent", event)
    time.sleep(0.5)
    assert tip.is_displayed()
    assert tip.text == cell.get_attribute("title")
    region = css(unfolded, "#latency")[0].find_element("xpath", "..")
    unfolded.execute_script(
        "document.getElementById('tip').hidden = true; arguments[0].focus()", region
    )
    unfolded.switch_to.active_element.send_keys(Keys.ENTER)
    assert tip.is_displayed()
    assert tip.text == unfolded.switch_to.active_element.get_attribute("title")
    unfolded.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not tip.is_displayed()


def test_dots_say_which_image_they_are(browser: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    canvas = shown(browser, ".canvas[data-points]")[0]
    points = json.loads(canvas.get_attribute("data-points"))
    title, values = next(iter(points["rows"].items()))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    canvas.send_keys(Keys.ARROW_RIGHT)
    time.sleep(0.3)
    tip = css(browser, "#tip")[0]
    least = min(range(len(values)), key=values.__getitem__)
    assert tip.text.startswith(f"{points['names'][least]}: {title} ")
    assert number(tip.text.split()[-2]) == values[least]
    canvas.send_keys(Keys.ARROW_DOWN)
    time.sleep(0.3)
    assert f": {list(points['rows'])[1]} " in tip.text
    canvas.send_keys(Keys.ESCAPE)
    assert not tip.is_displayed()


@pytest.mark.parametrize("width", [400, 1400])
def test_no_text_of_a_plot_is_smaller_than_12_pixels(unfolded: Any, width: int) -> None:
    resize(unfolded, width)
    time.sleep(0.3)
    script = (
        "return [...document.querySelectorAll('svg text')].filter(e => e.checkVisibility())"
        ".map(e => parseFloat(getComputedStyle(e).fontSize) * Math.hypot(e.getScreenCTM().a, "
        "e.getScreenCTM().b))"
    )
    sizes = unfolded.execute_script(script)
    assert len(sizes) > 20
    assert min(sizes) >= 11.9


def test_print_shows_everything_and_says_what_was_filtered(browser: Any, tmp_path: Path) -> None:
    program = find("PDFTOTEXT", "pdftotext")

    def printed() -> str:
        options = {"printBackground": True, "preferCSSPageSize": True}
        content = browser.execute_cdp_cmd("Page.printToPDF", options)["data"]
        (tmp_path / "x.pdf").write_bytes(base64.b64decode(content))
        words = [program, "-layout", str(tmp_path / "x.pdf"), "-"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    text = printed()
    assert "Shown: everything." in text
    for scale in (2, 4, 8):
        assert f"PSNR (dB) at {scale}\u00d7, and the difference" in text
        assert f"SSIM at {scale}\u00d7, and the difference" in text
    # Folded away on the screen, and longer than a page: its heads stand on each.
    pages = [page for page in text.split("\f") if re.search(r"Image +Scale +Dataset", page)]
    assert len(pages) > 1
    switch(browser, "8")
    text = printed()
    assert "Shown: 8\u00d7" in text
    assert "PSNR (dB) at 2\u00d7, and the difference" not in text


def test_print_keeps_captions_with_their_tables(browser: Any, tmp_path: Path) -> None:
    program = find("PDFTOTEXT", "pdftotext")
    options = {"printBackground": True, "preferCSSPageSize": True}
    content = browser.execute_cdp_cmd("Page.printToPDF", options)["data"]
    (tmp_path / "x.pdf").write_bytes(base64.b64decode(content))
    captions = [c.get_attribute("textContent") for c in css(browser, "caption > span")]
    heads = [c.partition("\u00a0#")[0].strip() for c in captions]
    heads += [h.get_attribute("textContent").partition("\u00a0#")[0] for h in css(browser, "h2")]
    assert len(heads) > 20
    words = [program, "-layout", str(tmp_path / "x.pdf"), "-"]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for sheet in text.split("\f"):
        lines = [line.strip() for line in sheet.splitlines() if line.strip()]
        assert not lines or lines[-1] not in heads


def test_what_is_wider_than_its_place_says_so(browser: Any) -> None:
    def told(selector: str) -> tuple[str, bool]:
        box = shown(browser, selector)[0]
        words = "return arguments[0].closest('.table, figure').querySelector('.sideways').hidden"
        return box.get_attribute("class"), not browser.execute_script(words, box)

    table = "#quality-section > .table .scroll"
    resize(browser, 400)
    time.sleep(0.3)
    names, said = told(table)
    assert "after" in names.split()
    assert said
    caption = shown(browser, f"{table} caption span")[0]
    assert caption.size["width"] <= shown(browser, table)[0].size["width"]
    browser.execute_script("arguments[0].scrollLeft = 9999", shown(browser, table)[0])
    time.sleep(0.3)
    assert set(told(table)[0].split()) == {"scroll", "before"}
    resize(browser, 1400)
    time.sleep(0.3)
    assert told(table) == ("scroll", False)


def test_a_narrow_page_does_not_repeat_a_switch_in_a_column(browser: Any) -> None:
    def heads() -> list[str]:
        return [head.text for head in shown(browser, "#latency thead th")]

    switch(browser, "4")
    assert "Scale" in heads()
    resize(browser, 400)
    time.sleep(0.3)
    assert heads()
    assert "Scale" not in heads()
    cells = len(shown(browser, "#latency tbody tr:not(.group):not([hidden]):first-of-type > *"))
    assert cells % len(heads()) == 0
    switch(browser, "")
    assert "Scale" in heads()


def test_the_forest_fits_a_telephone(browser: Any) -> None:
    for width in (400, 1400):
        resize(browser, width)
        time.sleep(0.3)
        (canvas,) = shown(browser, "#summary .canvas")
        sizes = "return [arguments[0].scrollWidth, arguments[0].clientWidth]"
        inside, place = browser.execute_script(sizes, canvas)
        assert inside <= place


def test_pictures_are_there_whatever_the_dataset(browser: Any) -> None:
    assert shown(browser, ".crop")
    dataset = css(browser, "select[name=dataset]")[0].get_attribute("value")
    crops = (
        "return [...new Set([...document.querySelectorAll('.crop')].map(c => c.dataset.dataset))]"
    )
    pictured = browser.execute_script(crops)
    words = css(browser, "#no-crops")[0]
    assert words.is_displayed() == (dataset not in pictured)
    assert "none" not in words.text, "nobody asked for the dataset that the page opens with"
    options = [o.get_attribute("value") for o in css(browser, "select[name=dataset] option")]
    other = next(option for option in options if option not in ("", dataset, *pictured))
    browser.execute_script(
        "const field = document.querySelector('select[name=dataset]'); field.value = arguments[0];"
        "field.dispatchEvent(new Event('input', {bubbles: true}))",
        other,
    )
    assert shown(browser, ".crop")
    assert f"Of {other} none were saved." in words.text


@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_never_scrolls_sideways(browser: Any, width: int) -> None:
    resize(browser, width)
    switch(browser, "")
    browser.execute_script(
        "document.querySelector('select[name=dataset]').value = '';"
        "document.forms[0].dispatchEvent(new Event('input'));"
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    root = "return document.documentElement.scrollWidth"
    assert browser.execute_script(root) <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_axe_finds_nothing(browser: Any, theme: str, width: int) -> None:
    path = os.environ.get("AXE_CORE")
    if not path or not Path(path).is_file():
        pytest.skip("no axe-core: set AXE_CORE to its axe.min.js")
    resize(browser, width)
    browser.execute_script(
        "document.documentElement.dataset.theme = arguments[0];"
        "document.querySelectorAll('details').forEach(d => d.open = true)",
        theme,
    )
    browser.execute_script(Path(path).read_text("utf-8"))
    browser.set_script_timeout(120)
    result = browser.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run().then(done)"
    )
    violations = [
        (v["id"], v["help"], [n["html"][:160] + str(n["any"][:1])[:300] for n in v["nodes"][:3]])
        for v in result["violations"]
    ]
    assert violations == []


def test_without_scripts_everything_is_shown(page: Path) -> None:
    driver = start(**{"profile.managed_default_content_settings.javascript": 2})
    try:
        driver.get(page.as_uri())
        assert not css(driver, "#switches")[0].is_displayed()
        for scale in (2, 4, 8):
            last = css(driver, f"#results-psnr-{scale}x tbody tr:last-child")[0]
            assert last.is_displayed()
        assert css(driver, ".shots img")[0].is_displayed()
    finally:
        driver.quit()


@pytest.mark.slow
def test_fifty_variants_stay_usable(chromium: Any, tmp_path: Path) -> None:
    names = ["bicubic", "ms-lapsrn", *(f"net-conv{i:02}" for i in range(48))]
    sizes = dict.fromkeys(["Set5", "Set14", "BSDS100", "Urban100", "embedded"], 100)
    run = synthetic.write_run(tmp_path / "run", synthetic.full_run(names, (2, 4, 8), sizes))
    report = render_report(run, tmp_path / "report")[0]
    resize(chromium, 1400)
    chromium.get(report.as_uri())
    for scale in ("2", "", "8"):
        began = time.perf_counter()
        switch(chromium, scale)
        # Asks for the layout, so that it is part of what is timed.
        chromium.execute_script("return document.body.offsetHeight")
        assert time.perf_counter() - began < 2
    # The table with every figure is folded.
    chromium.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    began = time.perf_counter()
    css(chromium, "#quality thead button")[4].click()
    assert time.perf_counter() - began < 2
