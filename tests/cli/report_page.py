# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# report_page.py FOLDER HOSTILE PLAIN EMPTY COUNTED: looks at pages of mapherd report in a headless
# Chromium; ends with 77 where there is none.
import sys

from browser import Browser, NoBrowser

folder, hostile, plain, empty, counted = sys.argv[1:]

# Whatever reaches over the right edge, or is cut off on purpose without a way to read it.
WIDE = """
    const wide = [...document.querySelectorAll("body *")].filter((e) => {
        const r = e.getBoundingClientRect();
        return r.width > 0 && !e.closest("#flame") && !e.closest(".skip") && r.right > innerWidth + 1;
    }).map((e) => e.tagName + "." + e.className);
    return [document.documentElement.scrollWidth - innerWidth > 0, wide.slice(0, 5)];"""

# The least contrast of text on what lies below it (WCAG 2, 1.4.3).
CONTRAST = """
    const light = (c) => {
        const [r, g, b] = c.match(/[0-9.]+/g).slice(0, 3).map((v) => {
            v /= 255;
            return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (e) => {
        for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (c !== "rgba(0, 0, 0, 0)" && c !== "transparent") return c;
        }
        return "rgb(255, 255, 255)";
    };
    let worst = [99, ""];
    for (const e of document.querySelectorAll("h1, h2, p, a, li, td, th button, small, button, .detail, .key, .frame:not(.above), code, caption")) {
        if (!e.textContent.trim() || e.disabled || !e.getClientRects().length) continue;
        const a = light(getComputedStyle(e).color), b = light(ground(e));
        const c = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (c < worst[0]) worst = [c, e.tagName + "." + e.className + ": " + e.textContent.slice(0, 40)];
    }
    return worst;"""


def fits(b, page, sizes=((1280, False), (1280, True), (390, False), (390, True), (320, False))):
    for width, dark in sizes:
        b.screen(width, dark)
        b.open(page)
        over, wide = b.run(WIDE)
        assert not over and not wide, "%s at %d: wider than the screen: %s" % (page, width, wide)
        worst = b.run(CONTRAST)
        assert worst[0] >= 4.5, "%s at %d, dark %s: contrast %s" % (page, width, dark, worst)


def quiet(b, page):
    said = b.console()
    assert not said, "%s: the console says %s" % (page, said)
    asked = {url for url in b.requests() if url not in ("file://" + page, "data:,")}
    assert not asked, "%s asks for %s" % (page, asked)


def searching_and_zooming(b):
    frames = 'const frames = [...document.querySelectorAll("#flame .frame")];'
    texts = b.run(frames + "return frames.map((f) => f.getAttribute('aria-label'))")
    assert texts[0] == "all live mappings, 1,000 mappings, 100 %", texts[0]
    assert any(t.startswith("com.example.Cache.fill, 300 mappings, 30 %") for t in texts), texts
    search = """const s = document.querySelector("#stacks input");
        s.value = %r; s.dispatchEvent(new Event("input"));
        return [document.querySelector("#stacks .found").textContent, document.querySelectorAll("#flame .hit").length];"""
    assert b.run(search % "cache.FILL") == ["300 mappings found, 30 %", 1]
    assert b.run(search % "no such name") == ["nothing found", 0]
    assert b.run(search % "") == ["", 0]

    # A click on a part shows it over the whole width; Reset shows all.
    width = frames + """const f = frames.find((f) => f.getAttribute("aria-label").startsWith("com.example.Cache.fill"));
        %s; return [...document.querySelectorAll("#flame .frame")].filter((f) =>
            f.getAttribute("aria-label").startsWith("com.example.Cache.fill")).map((f) => f.style.width)[0];"""
    small = b.run(width % "")
    assert abs(float(small.rstrip("%")) - 30) < 0.1, small
    assert b.run(width % "f.click()") == "100%"
    assert b.run(width % 'document.querySelectorAll("#stacks button").forEach((r) => r.textContent === "Reset" && r.click())') == small

    # The same by keys: down to the widest, which is Thread.run, then its second child.
    b.run('document.querySelector("#flame .frame").focus()')
    focused = "return document.activeElement.getAttribute('aria-label')"
    b.key("ArrowDown")
    assert b.run(focused).startswith("java.lang.Thread.run, 900"), b.run(focused)
    b.key("ArrowDown")
    b.key("ArrowRight")
    assert b.run(focused).startswith("com.example.Cache.fill"), b.run(focused)
    b.key("Enter")
    assert b.run(width % "") == "100%"
    assert b.run(focused).startswith("com.example.Cache.fill"), "the focus is lost"
    b.key("Escape")
    assert b.run(width % "") == small

    # By bytes the ten largest mappings weigh more.
    b.run("""[...document.querySelectorAll("#stacks .choice button")].find((b) => b.textContent === "bytes").click()""")
    assert b.run(frames + "return frames[0].getAttribute('aria-label')") == "all live mappings, 5.7 MiB, 100 %"


def sorting(b):
    table = 'const table = document.querySelector("#tables .panel:not([hidden]) table");'
    column = table + """
        const heads = [...table.querySelectorAll("th")], at = heads.findIndex((h) => h.textContent === %r);
        %s
        return [heads[at].getAttribute("aria-sort"), [...table.querySelectorAll("tbody tr")].map((r) => r.children[at].textContent)];"""
    click = 'heads[at].querySelector("button").click();'
    assert b.run(column % ("mappings", "")) == [None, ["600", "300", "90", "10"]]
    assert b.run(column % ("mappings", click)) == ["descending", ["600", "300", "90", "10"]]
    assert b.run(column % ("mappings", click)) == ["ascending", ["10", "90", "300", "600"]]
    assert b.run(column % ("size", click)) == ["descending", ["2.3 MiB", "2.3 MiB", "640 KiB", "360 KiB"]]
    assert b.run(column % ("oldest", click))[1][-1] in ("5 s", "6 s", "7 s", "8 s", "9 s"), b.run(column % ("oldest", ""))
    # A stack opens by its name.
    opened = b.run(table + """const name = table.querySelector("td button"), list = name.parentElement.querySelector("ol");
        const before = list.hidden; name.click(); return [before, list.hidden, name.getAttribute("aria-expanded")];""")
    assert opened == [True, False, "true"], opened
    # By file: each once, and the last event first.
    b.run("""[...document.querySelectorAll("#numbers .choice button")].find((b) => b.textContent === "file").click()""")
    assert b.run(column % ("mappings", click))[1] == ["600", "300", "90", "10"]
    assert len(b.run("return [...document.querySelectorAll('#happened tbody tr')].map((r) => r.textContent)")) == 2


def pictures(b):
    # The chart: ranges, its events, its points by keys.
    labels = b.run("return [...document.querySelectorAll('#time .choice button')].map((b) => b.textContent)")
    assert labels[0] == "1 min" and labels[-1].startswith("all "), labels
    b.run("document.querySelector('#time .choice button').click()")
    b.run("document.querySelector('#chart svg').focus()")
    b.key("ArrowLeft")
    assert "maps, " in b.run("return document.querySelector('#time .detail').textContent")
    b.run("""const p = document.querySelector("#chart svg"), r = p.getBoundingClientRect();
        p.dispatchEvent(new PointerEvent("pointerdown", { clientX: r.right - 9, clientY: r.top + 100 }));""")
    assert "61,204 maps, 93 % of 65,530" in b.run("return document.querySelector('#time .detail').textContent"), "a tap"
    b.run("document.querySelector('#chart .mark').click()")
    assert "top.hostile" in b.run("return document.querySelector('#time .detail').textContent"), "no event is told"
    # The address space: something is drawn, a class can be lit, parts are told by keys.
    drawn = """const c = document.querySelector("#ribbon canvas"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        let sum = 0; for (let i = 0; i < d.length; i += 4) sum += d[i + 3] ? d[i] * 3 + d[i + 1] * 5 + d[i + 2] : 0; return sum;"""
    before = b.run(drawn)
    assert before > 0
    b.run("document.querySelector('#space .legend button').click()")
    assert b.run(drawn) != before, "lighting one class changes nothing"
    b.run("document.querySelector('#ribbon canvas').focus()")
    b.key("ArrowRight")
    assert "0x7f0000000000" in b.run("return document.querySelector('#space .detail').textContent")
    sums = b.run("return [...document.querySelectorAll('#space .legend button span:last-child')].map((s) => s.textContent)")
    assert sum(int(n.replace(",", "")) for n in sums) == 1000, sums


def printed(b):
    b.cdp("Emulation.setEmulatedMedia", media="print")
    hidden = b.run("return [...document.querySelectorAll('.panel')].filter((p) => !p.getClientRects().length).length")
    shown = b.run("return [...document.querySelectorAll('.controls')].filter((c) => c.getClientRects().length).length")
    assert hidden == 0 and shown == 0, "printed: %d tables are missing, %d controls are there" % (hidden, shown)
    b.cdp("Emulation.setEmulatedMedia", media="")


try:
    browser = Browser("chromedriver", folder)
except NoBrowser:
    sys.exit(77)
with browser as b:
    for page in (hostile, plain, empty, counted):
        fits(b, page)
        quiet(b, page)
    b.screen(1280)
    b.open(hostile)
    assert b.run("return window.hostile === undefined && document.images.length === 0"), "what a record says was run"
    assert b.run("""return [...document.querySelectorAll("*")].every((e) =>
        [...e.attributes].every((a) => !a.name.startsWith("on")))"""), "a handler in the markup"
    said = b.run("return document.body.innerText")
    for words in ("</script><script>top.hostile=1</script>", "a\ufffdb\ufffd[2Jc\ufffdd", "grown since"):
        assert words in said, "the page does not say %r" % words
    searching_and_zooming(b)
    sorting(b)
    pictures(b)
    printed(b)
    quiet(b, hostile)
    b.open(plain)
    assert b.run("return document.querySelectorAll('#tables .panel').length") == 3, "plain: three tables"
    quiet(b, plain)
    b.open(counted)
    assert b.run("return [...document.querySelectorAll('#tables .name')].map((c) => c.textContent)") == \
        ["/data/a.db", "/data/b.db"], "counted: the files of the last reading"
    quiet(b, counted)
