"""The built documentation: links resolve, pictures say what they show, pages fit and ask nobody.

Whatever pages there are: nothing here knows a page by its name.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from ..study.report.browser import chromium  # noqa: F401
from .building import built, everything, pages_of, read  # noqa: F401

WIDTHS = (1280, 400)
SCHEMES = ("light", "dark")
HEIGHT = 900
MOST_UNSEEN = 0.15
"""Of a picture's marks; the edge of a photograph is one that a page of its colour hides."""


def test_every_link_and_anchor_resolves(built):  # noqa: F811
    lost, built = [], built.resolve()
    for name, page in everything(built):
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (built / name).parent / unquote(parts.path) if parts.path else built / name
            target = target.resolve()
            there = target.is_file() and target.is_relative_to(built)
            if there and parts.fragment and target.suffix == ".html":
                there = unquote(parts.fragment) in read(target).ids
            if not there:
                lost.append(f"{name}: {link}")
    assert not lost, "\n".join(lost)


def test_links_to_other_hosts_are_well_formed(built):  # noqa: F811
    """They are not asked: a test needs no network."""
    wrong = []
    for name, page in everything(built):
        for link in page.links:
            parts = urlsplit(link)
            if not parts.scheme and not parts.netloc:
                continue
            host = parts.hostname or ""
            if parts.scheme == "mailto":
                continue
            if parts.scheme not in ("http", "https") or "." not in host or set(link) & set(' <>"'):
                wrong.append(f"{name}: {link}")
    assert not wrong, "\n".join(wrong)


def test_every_picture_says_what_it_shows(built):  # noqa: F811
    silent, seen = [], 0
    for name, page in everything(built):
        for source, said in page.images:
            seen += 1
            if said is None or len(said.split()) < 3 or Path(source).name in said:
                silent.append(f"{name}: {source} says {said!r}")
    assert seen
    assert not silent, "\n".join(silent)


FITS = """
const found = [], edge = innerWidth + 1;
if (document.documentElement.scrollWidth > innerWidth)
    found.push(`the page is ${document.documentElement.scrollWidth} wide`);
const scrolls = element => {
    for (let at = element.parentElement; at; at = at.parentElement)
        if (['auto', 'scroll'].includes(getComputedStyle(at).overflowX)) return true;
    return false;
};
for (const element of document.querySelectorAll('article, article *')) {
    const box = element.getBoundingClientRect();
    if (box.width && (box.right > edge || box.left < -1) && !scrolls(element))
        found.push(`${element.tagName} .${element.className} to ${Math.round(box.right)}: ` +
                   element.textContent.trim().slice(0, 40));
}
for (const image of document.images)
    if (!image.complete || !image.naturalWidth) found.push(`no picture ${image.src}`);
return found;
"""


def emulate(driver, width: int, scheme: str) -> None:
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False},
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


SHOWN = """
arguments[0].scrollIntoView({block: 'start', behavior: 'instant'});
const box = arguments[0].getBoundingClientRect();
return [box.left + scrollX, box.top + scrollY, box.width, Math.min(box.height, innerHeight)];
"""


def pixels(driver, picture) -> np.ndarray:
    """An element as it is on the screen, shape ``(height, width, 3)``."""
    place = driver.execute_script(SHOWN, picture)
    clip = dict(zip(("x", "y", "width", "height"), place, strict=True), scale=1)
    made = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip})
    return np.array(Image.open(io.BytesIO(base64.b64decode(made["data"]))).convert("RGB"))


def contrast(image: np.ndarray) -> np.ndarray:
    """Of the lightest and the darkest around each pixel (WCAG 2.1), shape ``(height, width)``."""
    share = image / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722]
    return (maximum_filter(light, 3) + 0.05) / (minimum_filter(light, 3) + 0.05)


def unseen(light: np.ndarray, dark: np.ndarray) -> float:
    """The largest share of a picture's marks on one ground that are not seen on the other."""
    if (light == dark).all(-1).mean() > 0.5:
        return 0.0  # it brings its ground along: a photograph, a white card
    pair = contrast(light), contrast(dark)
    shares = []
    for one, other in (pair, pair[::-1]):
        marks = one >= 3
        shares.append(float((other[marks] < 1.7).mean()) if marks.any() else 1.0)
    return max(shares)


def test_unseen_marks_are_found():
    white, black = (np.full((60, 60, 3), value, np.uint8) for value in (255, 20))
    for ink, seen in ((0, False), (255, False), (125, True)):
        drawn = [white.copy(), black.copy()]
        for one in drawn:
            one[5:55:10] = ink
        assert (unseen(*drawn) < MOST_UNSEEN) is seen


def faults(chromium, path: Path, shown: dict[str, float]) -> list[str]:  # noqa: F811
    """What is wrong with a page, at each width; pictures not yet shown are looked at."""
    driver = chromium.driver
    emulate(driver, WIDTHS[0], SCHEMES[0])
    driver.get("about:blank")
    chromium.console(), chromium.requests()  # what was before is not of this page
    driver.get(path.absolute().as_uri())
    wrong = [f"console: {said}" for said in chromium.console()]
    asked = {one for one in chromium.requests() if not one.startswith(("file:", "data:", "about:"))}
    wrong += [f"asks for {one}" for one in sorted(asked)]
    for width in WIDTHS:
        emulate(driver, width, SCHEMES[0])
        wrong += [f"at {width}: {found}" for found in driver.execute_script(FITS)]
    for picture in driver.find_elements("css selector", "article img"):
        source = picture.get_property("currentSrc")
        if source in shown or not picture.is_displayed():
            continue
        shots = []
        for scheme in SCHEMES:
            emulate(driver, WIDTHS[0], scheme)
            shots.append(pixels(driver, picture))
        shown[source] = unseen(*shots)
        if shown[source] > MOST_UNSEEN:
            wrong.append(f"{shown[source]:.0%} unseen of {source}")
    return wrong


@pytest.mark.timeout(600)
def test_every_page_fits_is_silent_and_asks_nobody(chromium, built):  # noqa: F811
    wrong, shown = [], {}
    for path in pages_of(built):
        name = path.relative_to(built).as_posix()
        wrong += [f"{name}: {fault}" for fault in faults(chromium, path, shown)]
    assert not wrong, "\n".join(wrong)
    assert shown


BLACK = """<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60" viewBox="0 0 90 60">
<path d="M5 10H85M5 20H85M5 30H85M5 40H85" stroke="{}" stroke-width="2"/></svg>"""
PAGE = """<!doctype html><html><head><title>A page</title><link rel="icon" href="data:,">
<style>@media (prefers-color-scheme: dark) {{ body {{ background: #131416 }} }}</style></head>
<body><article>{}</article></body></html>"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<p>Nothing.</p>", ""),
        ('<img alt="grey" src="grey.svg">', ""),
        ('<img alt="black" src="black.svg">', "unseen of"),
        ('<img alt="lost" src="lost.svg">', "no picture"),
        ('<p style="width: 600px">wide</p>', "at 400: the page is"),
        ('<div style="overflow: hidden"><p style="width: 600px">cut</p></div>', "at 400: P"),
        ('<div style="overflow: auto"><p style="width: 600px">scrolls</p></div>', ""),
        ("<script>console.error('a fault')</script>", "console:"),
        ('<img alt="far" src="http://127.0.0.1:9/far.png">', "asks for http://127.0.0.1:9/far.png"),
    ],
)
def test_faults_are_found(chromium, tmp_path, body, found):  # noqa: F811
    (tmp_path / "black.svg").write_text(BLACK.format("black"))
    (tmp_path / "grey.svg").write_text(BLACK.format("#7d7d7d"))
    page = tmp_path / "page.html"
    page.write_text(PAGE.format(body))
    wrong = faults(chromium, page, {})
    assert found in "\n".join(wrong)
    assert bool(wrong) is bool(found)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_are_light_or_dark_as_is_wished(chromium, built, scheme):  # noqa: F811
    emulate(chromium.driver, WIDTHS[0], scheme)
    chromium.driver.get((built / "index.html").as_uri())
    ground = chromium.js("getComputedStyle(document.body).backgroundColor")
    level = [int(part) for part in ground[ground.index("(") + 1 : -1].split(",")[:3]]
    assert (sum(level) > 600) is (scheme == "light")
