"""A week of a machine's life in minutes, and where it has to stop.

week.py SEED AFTER_S PERCENT FOLDER writes two files. `looks`, a line a look: the uptime in seconds, the
ticks that all processors worked and the ticks that they rested since the last look, who is logged in, what
holds it, and whether it has just booted. `expected`, a line for each look at which something is done: its
number, and `warns`, `keeps` or `stops`.

Nothing here is taken from the script under test. That keeps the time since when nothing went on; this one
cuts the past into hours, takes each one's peak, and wants every hour to be filled.
"""

import random
import sys

TICKS = 2 * 100  # Two processors, a hundred ticks a second each.
GAP = 90
WARNING = 600


class Machine:
    """What is written, and what was seen since the boot."""

    def __init__(self, after, percent):
        self.after, self.percent = after, percent
        self.lines, self.expected = [], []
        self.boot()

    def boot(self):
        self.looks, self.warned, self.booted = [], None, True

    def look(self, uptime, percent, session="nobody", held="nothing"):
        """One look; true if the machine stops by it."""
        ticks = TICKS * 60
        busy = int(ticks * percent / 100)
        self.lines.append(f"{uptime} {busy} {ticks - busy} {session} {held} {int(self.booted)}")
        self.booted = False
        quiet = session in ("nobody", "brief") and held in ("nothing", "past")
        self.looks = self.looks[-2000:] + [(uptime, 100 * busy / ticks if quiet else 100.0)]
        number = len(self.lines)
        if not self.is_idle(0 if self.warned is None else uptime - self.warned):
            if self.warned is not None:
                self.expected.append(f"{number} keeps")
            self.warned = None
            return False
        if self.warned is None:
            self.warned = uptime
            self.expected.append(f"{number} warns")
        elif uptime - self.warned >= WARNING:
            self.expected.append(f"{number} stops")
            return True
        return False

    def is_idle(self, besides):
        """Each hour of the time that counts is filled, and peaked below the limit."""
        end = self.looks[-1][0]
        left = self.after + besides
        while left > 0:
            hour = min(left, 3600)
            peak = self.peak(end - hour, end)
            if peak is None or peak >= self.percent:
                return False
            end, left = end - hour, left - hour
        return True

    def peak(self, begin, end):
        """The highest of an hour; None where a part of it was not looked at."""
        # Each look tells of the time since the one before it.
        spans = [(before, at, percent) for (before, _), (at, percent) in zip(self.looks, self.looks[1:])
                 if at > begin and before < end]
        if not spans or spans[0][0] > begin or any(at - before > GAP for before, at, _ in spans):
            return None
        return max(percent for _, _, percent in spans)


def curve(chance, minute):
    """The work in a minute of the week, in percent."""
    day, hour = minute // 1440, minute % 1440 / 60
    if day < 5 and 9 <= hour < 18:
        return chance.choice([1.0, 12.0, 35.0, 90.0])
    if chance.random() < 1 / 4000:
        return chance.choice([5.0, 5.01, 60.0])
    # The last one is just below the limit: it is none.
    return chance.choice([0.0, 0.4, 2.0, 3.9, 4.99])


def night(chance, minute):
    """What else happens now and then: who is logged in, what holds it, how late the next look is."""
    odd = chance.random()
    if odd < 1 / 4000:
        return chance.choice(["shell", "long"]), "nothing", 60
    if odd < 2 / 4000:
        return "nobody", chance.choice(["always", "future"]), 60
    if odd < 3 / 4000:
        return "nobody", "nothing", chance.choice([91, 300, 3600])
    # A timer that is late, within what is borne; and what holds nothing.
    return chance.choice(["nobody", "nobody", "brief"]), chance.choice(["nothing", "past"]), (
        chance.choice([60, 60, 60, 61, 75, 90]))


def main():
    seed, after, percent, folder = sys.argv[1:]
    chance = random.Random(int(seed))
    machine = Machine(int(after), float(percent))
    clock, uptime = 0, 60
    while clock < 7 * 86400:
        session, held, step = night(chance, clock // 60)
        if machine.look(uptime, curve(chance, clock // 60), session, held):
            # Somebody starts it again, some time later.
            clock += chance.randrange(1800, 8 * 3600)
            machine.boot()
            uptime = 60
            continue
        if chance.random() < 1 / 3000:
            machine.boot()
            uptime = 30
        clock, uptime = clock + step, uptime + step
    for name, lines in (("looks", machine.lines), ("expected", machine.expected)):
        with open(f"{folder}/{name}", "w", encoding="ascii") as file:
            file.write("".join(f"{line}\n" for line in lines))


main()
