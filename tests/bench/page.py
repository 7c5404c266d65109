"""``python -m tests.bench.page FILM``: how long after the strength slider moved the page shows the new picture, in a real Chromium.

The screen is so fine that pictures have the film's own rows, up to 1080. Server: from a picture's turn to its JPEG. Browser: from the
wish to the decoded picture, all of the server and the way included.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import psutil

from tests.ui.browser import browser, open_page, until
from tests.ui.served import served

_STEPS = 12
_VIEWS = ("anaglyph", "sbs-full", "wiggle", "depth")
_MOVE = """async (value) => {
  const image = document.querySelector('#shown'), slider = document.querySelector('#strength');
  delete image.dataset.milliseconds;
  performance.clearResourceTimings();
  slider.value = value;
  slider.dispatchEvent(new Event('input'));
  while (!image.dataset.milliseconds) await new Promise((go) => setTimeout(go, 2));
  const made = performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/api/picture'));
  const server = made.flatMap((entry) => entry.serverTiming.map((timing) => timing.duration));
  return [Number(image.dataset.milliseconds), server.reduce((a, b) => a + b, 0), image.naturalWidth, image.naturalHeight];
}"""


def main(film: Path) -> None:
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room) / "films"
        folder.mkdir()
        (folder / film.name).hardlink_to(film)
        with (
            served(folder, Path(room) / "cache") as server,
            browser(viewport={"width": 1600, "height": 1000}, device_scale_factor=2) as context,
        ):
            tab = open_page(context, server.address, server.key)
            until(tab, "[...document.querySelectorAll('#strip img')].slice(0, 6).every((image) => image.src)", 60)
            until(tab, "/near|far|dark|fast/.test(document.querySelector('#strip').textContent)", 120)
            tab.wait_for_timeout(3000)
            process = psutil.Process(server.process.pid)
            print(
                f"{'view':10} {'pixels':>10} {'server':>8} {'browser':>8} {'worst':>8} {'processor':>10}  (ms; medians of {_STEPS})"
            )
            for view in _VIEWS:
                tab.locator(f"#views input[value={view}]").check(force=True)
                until(tab, f"document.querySelector('#shown').dataset.view == '{view}'")
                tab.evaluate(_MOVE, 1.0)
                before = sum(process.cpu_times()[:2])
                rows = [tab.evaluate(_MOVE, 1 + step / 10) for step in range(1, _STEPS + 1)]
                busy = 1000 * (sum(process.cpu_times()[:2]) - before) / _STEPS
                browsers, servers = [row[0] for row in rows], [row[1] for row in rows]
                size = f"{rows[0][2]}x{rows[0][3]}"
                print(
                    f"{view:10} {size:>10} {statistics.median(servers):8.0f} {statistics.median(browsers):8.0f} {max(browsers):8.0f} {busy:10.0f}"
                )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
