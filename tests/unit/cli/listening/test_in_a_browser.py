"""The listening page in a real Chromium: what a person does with it, and what other pages can do to it.

This makes the README's picture again:

    CALL_LAKE_PICTURE=docs/images/listen.png .venv/bin/pytest tests/unit/cli/listening -k picture
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from call_lake.model.table import Row
from call_lake_cli.listening.overview import static_page
from call_lake_local.simulators.audio import AudioSpec, SpeechAudio
from tests.support.chromium import Page, browser, chromium
from tests.support.fakes.calls import Call, Proceed
from tests.support.heard import commit_heard, sides, transcript
from tests.support.lake_samples import TODAY
from tests.support.listening import Listening, open_server
from tests.support.web_site import Site, serving

HOSTILE = Path(__file__).with_name("hostile_page.html")
FOCUS = "document.activeElement"


@dataclass
class Visit:
    """A browser with the page open. ``url``: with its token."""

    here: Listening
    rows: list[Row]
    url: str
    page: Page

    def load(self) -> None:
        self.page.open("about:blank")
        self.page.look(1200, 900)
        self.page.open(self.url)
        self.page.wait("document.querySelectorAll('#calls tbody tr').length === 24")

    def open_newest(self) -> None:
        self.page.run("document.querySelector('#calls tbody button').click()")
        self.page.wait("document.querySelector('#story li')")

    def text(self, id: str) -> str:
        return str(self.page.run(f"document.getElementById('{id}').innerText"))


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    browser()
    here = Listening()
    rows = here.fill()
    profile = tmp_path_factory.mktemp("browser") / "profile"
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    with here.serving() as server, chromium(profile, rules) as page:
        yield Visit(here, rows, server.url, page)


def test_a_person_finds_a_call_and_hears_it(visit: Visit) -> None:
    visit.load()
    page = visit.page
    assert page.run("location.href") == visit.url.partition("#")[0], "the token has left the address bar"
    page.run("document.forms[0].elements.number.focus()")
    page.type(visit.rows[5]["caller"].replace("+48", "0048 "))
    page.press("Enter")
    page.wait("document.querySelectorAll('#calls tbody tr').length === 1")
    visit.open_newest()
    before = len(visit.here.notes())
    page.run("document.getElementById('play').click()")
    page.wait("audio().currentTime > 0")
    page.wait("now.peaks")
    notes = visit.here.notes()[before:]
    assert [(note["action"], note["recording_ids"]) for note in notes] == [("play", [visit.rows[5]["recording_id"]])]
    page.run("(audio().currentTime = 2.5, null)")
    page.wait("audio().currentTime >= 2.5")
    page.wait("audio().ended")
    assert len(visit.here.notes()) == before + 1, "seeking is the same play"
    page.run("document.getElementById('play').click()")
    page.wait("!audio().ended && audio().currentTime > 0")
    assert len(visit.here.notes()) == before + 2, "hearing it once more is another one"
    assert page.said == []


def test_stereo_is_drawn_side_by_side(visit: Visit) -> None:
    visit.load()
    visit.open_newest()
    visit.page.run("document.getElementById('play').click()")
    visit.page.wait("now.peaks && now.peaks.length === 2")
    assert visit.text("lanes") == "Left side above, right side below."
    drawn = "document.getElementById('waveform').getContext('2d').getImageData(0, 0, 2000, 80).data"
    assert visit.page.run(f"Array.from({drawn}).some(Boolean)")


def test_the_keyboard_alone_is_enough(visit: Visit) -> None:
    visit.load()
    page = visit.page
    page.run("document.querySelector('.skip').focus()")
    page.press("Enter")
    page.press("Tab")
    page.wait(f"{FOCUS}.closest('#calls tbody')")
    page.press("Enter")
    page.wait(f"{FOCUS}.id === 'player-title'")
    page.press("Tab")
    assert page.run(f"{FOCUS}.id") == "close"
    page.press("Tab")
    assert page.run(f"{FOCUS}.id") == "play"
    page.press(" ")
    page.wait("audio().currentTime > 0 && now.peaks")
    page.press(" ")
    page.wait("audio().paused")
    page.press("Tab")
    assert page.run(f"{FOCUS}.id") == "position"
    at = page.run("audio().currentTime")
    page.press("ArrowRight")
    page.wait(f"audio().currentTime > {at}")
    page.press("Escape")
    page.wait("document.getElementById('player').hidden")
    assert page.run(f"Boolean({FOCUS}.closest('#calls tbody'))"), "back to where it was opened"


def test_a_screen_reader_is_told_everything(visit: Visit) -> None:
    visit.load()
    visit.open_newest()
    nodes = visit.page.accessible()
    working = {"button", "slider", "combobox", "searchbox", "spinbutton", "table", "form", "link", "textbox", "Date"}
    assert [node for node in nodes if node["role"] in working and not node["name"].strip()] == []
    names = {(node["role"], node["name"]) for node in nodes}
    assert {("button", "Play"), ("slider", "Position"), ("button", "Save as a file"), ("table", "Calls")} <= names
    assert {("columnheader", "Caller"), ("heading", "Story"), ("heading", "Transcript")} <= names
    named = [name for role, name in names if role == "button" and name.startswith(f"Open the call of {TODAY} ")]
    assert [name for name in named if name.endswith(f" Europe/Warsaw, {visit.rows[-1]['caller']}")]
    assert visit.page.run("document.documentElement.lang") == "en"
    assert visit.page.run("document.querySelectorAll('[role=status], [role=alert]').length") >= 3
    ids = visit.page.run("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_it_is_readable_in_light_and_dark_and_at_400_pixels(visit: Visit, width: int, scheme: str) -> None:
    visit.load()
    visit.page.look(width, 900, scheme=scheme)
    visit.open_newest()
    assert visit.page.run("document.documentElement.scrollWidth") <= width
    right = "(one) => one.getBoundingClientRect().right > innerWidth"
    outside = f"[...document.querySelectorAll('main *')].filter({right})"
    hidden = ".filter((one) => !one.closest('thead'))"  # off the screen on purpose, for screen readers
    assert visit.page.run(f"{outside}{hidden}.map((one) => one.outerHTML.slice(0, 100))") == []
    poor = visit.page.run(CONTRAST)
    assert poor == []


CONTRAST = """
(() => {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!colour.endsWith(", 0)") && colour !== "transparent") return colour;
    }
  };
  const shown = [...document.querySelectorAll("body *")].filter((one) => one.innerText && !one.children.length);
  return shown.map((one) => {
    const [a, b] = [luminance(getComputedStyle(one).color), luminance(paper(one))].sort().reverse();
    return [Math.round(((a + 0.05) / (b + 0.05)) * 10) / 10, one.outerHTML.slice(0, 80)];
  }).filter(([ratio, what]) => ratio < 4.5 && !what.includes("disabled"));
})()
"""
"""What has less contrast than 4.5 to 1: https://www.w3.org/TR/WCAG22/#contrast-minimum"""


def test_what_a_caller_is_called_is_text_and_nothing_else(visit: Visit) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    here = Listening()
    here.add(1, caller=hostile, agent=hostile, provider_key=hostile)
    with here.serving() as server:
        visit.page.open(server.url)
        visit.page.wait("document.querySelector('#calls tbody tr')")
        assert hostile in visit.text("calls")
        visit.open_newest()
        assert hostile in visit.text("player")
        assert visit.page.run("document.querySelectorAll('img').length") == 0
        assert "Its audio has expired" in visit.text("player-message")
        assert visit.page.run("document.getElementById('play').disabled")


def test_a_person_finds_words_and_hears_them(visit: Visit) -> None:
    hostile = "<img src=x onerror=alert(1)> & </li>"
    here = Listening()
    here.fill()
    newest = sides(
        (0.0, 1.5, 0, hostile), (2.0, 2.4, 1, "Cancel my contract,"), (2.5, 19.0, 1, "please."), (20.0, 30.0, 0, "Bye.")
    )
    commit_heard(here.world, transcript(23, *newest), transcript(23, "Another engine.", engine="local"))
    page = visit.page
    with here.serving() as server:
        page.open(server.url)
        page.wait("document.querySelectorAll('#calls tbody tr').length === 24")
        page.run("document.forms[0].elements.says.focus()")
        page.type("cancel MY contract please")
        page.press("Enter")
        page.wait("document.querySelectorAll('#calls tbody tr').length === 2")
        assert "0:02 Right side: Cancel my contract, … please" in visit.text("calls")
        assert [note["action"] for note in here.notes()] == ["search"]
        page.run("document.querySelector('.hits button').click()")
        page.wait("audio().currentTime >= 2 && now.said")
        page.wait("document.querySelector('.spoken')")
        assert sorted(note["action"] for note in here.notes()) == ["play", "search"]
        assert page.run("[...document.querySelectorAll('#transcript li.hit')].map((one) => one.innerText)")
        assert hostile in visit.text("transcript")
        assert page.run("document.querySelectorAll('img').length") == 0
        page.run("[...document.querySelectorAll('#transcript .said')].at(-1).click()")
        page.wait("audio().currentTime >= 20")
        page.wait("document.querySelector('.spoken').textContent === 'Bye.'")
        assert page.run("document.querySelectorAll('.spoken').length") == 1
        page.run("audio().pause()")
        page.run("(byId('engine').value = 'local', byId('engine').dispatchEvent(new Event('change')), null)")
        page.wait("document.querySelector('#transcript').innerText.includes('Another engine.')")
        page.run("document.querySelector('#transcript button').focus()")
        page.press("Enter")
        page.wait("audio().currentTime < 5 && !audio().paused")
        page.look(400, 900)
        assert page.run("document.documentElement.scrollWidth") <= 400
        assert page.run(CONTRAST) == []
        nodes = {(node["role"], node["name"]) for node in page.accessible()}
        assert {("button", "Play from 0:00"), ("combobox", "Engine"), ("searchbox", "Says")} <= nodes
    assert page.said == []


def test_a_page_without_the_token_shows_nothing(visit: Visit) -> None:
    visit.load()
    visit.page.run("sessionStorage.clear()")
    visit.page.open("about:blank")
    visit.page.open(visit.url.partition("#")[0])
    visit.page.wait("document.getElementById('message').textContent")
    assert "the address that call-lake listen printed" in visit.text("message")
    assert visit.page.run("document.querySelectorAll('#calls tbody tr').length") == 0


def test_another_page_reaches_nothing_though_it_knows_token_and_ticket(visit: Visit) -> None:
    visit.load()
    visit.open_newest()
    visit.page.run("document.getElementById('play').click()")
    visit.page.wait("now.ticket && now.peaks")
    audio = visit.page.run("audio().getAttribute('src')")
    base, _, token = visit.url.partition("/#")
    reached: list[Call] = []

    def note(call: Call, proceed: Proceed) -> Any:
        reached.append(call)
        return proceed()

    visit.page.open("about:blank")
    visit.here.world.calls.on_call(note)
    with serving(Site(HOSTILE)) as url:
        for origin in (url, url.replace("127.0.0.1", "evil.example"), url.replace("127.0.0.1", "localhost")):
            visit.page.open(f"{origin}/?base={base}&token={token}&audio={audio}")
            visit.page.wait("window.found")
            found = visit.page.run("window.found")
            assert len(found) == 12
            assert {name: said for name, said in found.items() if said != "failed"} == {}
    assert reached == [], "no attack reaches the bucket"
    visit.page.open(base.replace("127.0.0.1", "evil.example"))  # a name that leads here
    visit.page.wait("document.body.innerText.includes('the header Host has to be')")
    visit.page.said.clear()


def test_the_attacks_work_where_nothing_is_closed(visit: Visit) -> None:
    with open_server() as base, serving(Site(HOSTILE)) as url:
        visit.page.open(f"{url}/?base={base}&token=a&audio=/audio/a")
        visit.page.wait("window.found")
        found = visit.page.run("window.found")
    assert {name for name, said in found.items() if said != "succeeded"} == {"opens a web socket"}
    visit.page.said.clear()


def test_the_static_overview_needs_no_server(visit: Visit, tmp_path: Path) -> None:
    zones = visit.here.desk.library._zones
    file = tmp_path / "overview.html"
    first = TODAY.replace(day=1)
    file.write_text(static_page("</script><b>invented", visit.rows, first, TODAY, zones), encoding="utf-8")
    visit.page.open(file.as_uri())
    visit.page.wait("document.querySelector('#overview svg')")
    assert visit.text("title") == "</script><b>invented"
    assert "24 calls" in visit.text("overview")
    assert visit.page.run("document.querySelectorAll('#overview tbody tr').length") == 20 + 24
    assert visit.rows[0]["caller"] not in file.read_text()
    assert visit.page.said == []


def test_the_readmes_picture(visit: Visit) -> None:
    if "CALL_LAKE_PICTURE" not in os.environ:
        pytest.skip("CALL_LAKE_PICTURE names no file to write it to")
    here = Listening()
    here.fill(70, newest=SpeechAudio(AudioSpec("wav", "pcm", 2, 8000, 24.0), "invented").data())
    with here.serving() as server:
        visit.page.look(1150, 860)
        visit.page.open(server.url)
        visit.page.wait("document.querySelector('#calls tbody tr')")
        visit.open_newest()
        visit.page.run("document.getElementById('play').click()")
        visit.page.wait("now.peaks && audio().currentTime > 0")
        visit.page.run(
            "(audio().pause(), audio().currentTime = 6.5, document.activeElement.blur(), scrollTo(0, 0), null)"
        )
        visit.page.wait("document.getElementById('time').textContent.startsWith('0:07')")
        visit.page.picture(Path(os.environ["CALL_LAKE_PICTURE"]))
