"""Ears for a browser that nobody listens to: how often the desk's sound test called, told by the length of what was played."""

from playwright.sync_api import Page

CALL_S = 1.4
"""How long one call lasts in the sound test, its pause included (`TEST_GAP_S` of ring.js)."""
EARS = """() => {
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...when) {
    if (!this.loop) window.heardS = this.buffer.duration;
    return start.apply(this, when);
  };
}"""


def pass_sound_test(page: Page, *, wrong_first: bool = False) -> None:
    """Go on duty by saying how often the alarm was heard; `wrong_first`: be refused with another number before."""
    page.evaluate(EARS)
    page.locator("#duty").click()
    if wrong_first:
        _answer(page, _calls_heard(page) % 4 + 1)
        page.locator(".answers button:disabled").first.wait_for()
        assert page.locator("#duty-box").is_visible(), "A wrong number passed the sound test."
    _answer(page, _calls_heard(page))
    page.locator("#duty-box").wait_for(state="hidden")


def _calls_heard(page: Page) -> int:
    page.locator("#duty-play").click()
    page.locator(".answers button:enabled").first.wait_for(timeout=20_000)
    return round(float(page.evaluate("window.heardS")) / CALL_S)


def _answer(page: Page, times: int) -> None:
    page.locator(f'.answers button[data-times="{times}"]').click()
