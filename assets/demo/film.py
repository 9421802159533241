#!/usr/bin/env python3
"""Films the demo: the moving picture of the README, from a real run.

    film.py BINARY PICTURE.svg

tmux runs the program, presses the keys of SCRIPT and tells what the screen shows; each frame that
differs from the one before is kept. The picture holds each different line once.
"""

import html
import os
import re
import subprocess
import sys
import time

COLUMNS, LINES = 100, 28
# Seconds to wait, and the keys that are pressed then, as tmux names them.
SCRIPT = [
    (3.0, ["c"]),
    (1.2, ["3"]),
    (0.6, ["Down"]),
    (0.4, ["2"]),
    (1.2, ["Enter"]),
    (1.2, ["y"]),
    (9.0, ["Enter"]),
    (3.0, ["Escape"]),
    (1.0, ["2"]),
    (2.5, ["4"]),
    (3.0, ["1"]),
    (4.0, ["D"]),
    (3.0, []),
]
EVERY = 0.5
CELL = (8.4, 17.0)
GROUND, TEXT = "#11151c", "#c9d1d9"
NAMED = [
    "#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4",
    "#6e7681", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#ffffff",
]


def tmux(*words):
    command = ["tmux", "-L", f"film-{os.getpid()}", "-f", "/dev/null", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def film(binary):
    """The frames, and for how many seconds each was seen."""
    command = f"COLORTERM=truecolor LANG=C.UTF-8 exec {binary} --demo --seed 3"
    tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), command)
    try:
        frames = []
        for wait, keys in SCRIPT:
            end = time.monotonic() + wait
            while time.monotonic() < end:
                seen = tmux("capture-pane", "-e", "-p").split("\n")[:LINES]
                if not frames or frames[-1][0] != seen:
                    frames.append([seen, 0.0])
                frames[-1][1] += EVERY
                time.sleep(EVERY)
            for key in keys:
                tmux("send-keys", key)
        return frames
    finally:
        tmux("kill-server")


def colour(numbers, at):
    """The colour that begins at a place among the numbers of a style, and where it ends."""
    if numbers[at] == 2:
        return "#%02x%02x%02x" % tuple(numbers[at + 1 : at + 4]), at + 4
    number = numbers[at + 1]
    if number < 16:
        return NAMED[number], at + 2
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return "#%02x%02x%02x" % (grey, grey, grey), at + 2
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#%02x%02x%02x" % (levels[number // 36], levels[number // 6 % 6], levels[number % 6]), at + 2


def styled(style, numbers):
    """A style after an escape sequence of these numbers (ECMA-48, 8.3.117)."""
    style, at = dict(style), 0
    while at < len(numbers):
        number = numbers[at]
        at += 1
        if number == 0:
            style = {}
        elif number in (1, 2, 7):
            style[number] = True
        elif number == 22:
            style.pop(1, None), style.pop(2, None)
        elif number == 27:
            style.pop(7, None)
        elif number in (38, 48):
            style["fg" if number == 38 else "bg"], at = colour(numbers, at)
        elif number in (39, 49):
            style.pop("fg" if number == 39 else "bg", None)
        elif 30 <= number < 38 or 90 <= number < 98:
            style["fg"] = NAMED[number % 10 + (8 if number >= 90 else 0)]
        elif 40 <= number < 48 or 100 <= number < 108:
            style["bg"] = NAMED[number % 10 + (8 if number >= 100 else 0)]
    return style


def drawn(line, style):
    """A line of the screen as SVG, and the style that goes on in the next one."""
    column, pieces = 0, []
    for sequence, text in re.findall(r"\x1b\[([\d;]*)m|([^\x1b]+)", line):
        if not text:
            style = styled(style, [int(it or 0) for it in sequence.split(";")])
            continue
        fore, back = style.get("fg", TEXT), style.get("bg")
        if style.get(7):
            fore, back = back or GROUND, fore
        x, width = column * CELL[0], len(text) * CELL[0]
        column += len(text)
        if back:
            pieces.append(f'<rect x="{x:.0f}" width="{width:.0f}" height="{CELL[1]}" fill="{back}"/>')
        more = ' font-weight="bold"' if style.get(1) else ""
        more += ' opacity=".6"' if style.get(2) else ""
        more += f' fill="{fore}"' if fore != TEXT else ""
        # Blanks side by side are one blank in an SVG.
        for words in re.finditer(r"\S+(?: \S+)*", text):
            at = x + words.start() * CELL[0]
            length = f"{len(words.group()) * CELL[0]:.0f}"
            said = html.escape(words.group(), quote=False)
            pieces.append(f'<text x="{at:.0f}" y="13" textLength="{length}"{more}>{said}</text>')
    return "".join(pieces), style


def picture(frames):
    lines, uses, stops, at = {}, [], [], 0.0
    whole = sum(seconds for _, seconds in frames)
    width, height = COLUMNS * CELL[0], LINES * CELL[1]
    # What is wider than its cells must not be seen in the next frame.
    apart = width + 4 * CELL[0]
    for number, (frame, seconds) in enumerate(frames):
        stops.append(f"{100 * at / whole:.3f}%{{transform:translateX(-{number * apart:.0f}px)}}")
        at += seconds
        style = {}
        for row, line in enumerate(frame):
            said, style = drawn(line, style)
            if said:
                name = lines.setdefault(said, f"l{len(lines)}")
                uses.append(f'<use href="#{name}" x="{number * apart:.0f}" y="{row * CELL[1]:.0f}"/>')
    defs = "".join(f'<g id="{name}">{said}</g>' for said, name in lines.items())
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 24:.0f} {height + 24:.0f}">
<style>text{{font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace}}
.film{{animation:film {whole:.1f}s step-end infinite}}@keyframes film{{{"".join(stops)}}}</style>
<defs>{defs}</defs><rect width="100%" height="100%" rx="10" fill="{GROUND}"/>
<svg x="12" y="12" width="{width:.0f}" height="{height:.0f}"><g class="film" fill="{TEXT}">{"".join(uses)}</g></svg></svg>
"""


def main():
    binary, path = sys.argv[1:]
    frames = film(os.path.abspath(binary))
    with open(path, "w", encoding="utf-8") as file:
        file.write(picture(frames))
    print(f"{len(frames)} frames, {os.path.getsize(path) // 1024} KiB")


if __name__ == "__main__":
    main()
