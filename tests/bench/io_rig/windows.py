"""Takes turns: in every round each forwarder gets a window on the worker core, with the yardstick before
and after it, and everybody else held. Figures are medians of what the quiet windows of all rounds say."""
import statistics
import time
from dataclasses import dataclass

WARM_SECONDS = 0.03
WINDOW_SECONDS = 0.1
# Between windows, for whoever else needs the core.
PAUSE_SECONDS = 0.02
# A counter that took longer to read says too little about when.
READ_SECONDS_MAX = 0.002
# Below it somebody else ran on the core.
CORE_SHARE_MIN = 0.98
LOST_SHARE_MAX = 0.001
QUIET = 1.05


@dataclass(frozen=True)
class Window:
    cycles: float  # time stamp cycles of the core per packet sent
    yardstick: float


def read(forwarder):
    """(seconds, sent packets), or None when the reading was held up."""
    begin = time.perf_counter()
    _, sent = forwarder.counters()
    end = time.perf_counter()
    return ((begin + end) / 2, sent) if end - begin <= READ_SECONDS_MAX else None


def turn(forwarder, yardstick):
    """One window, or None when it was disturbed."""
    around = yardstick.measure()
    cpu, begin = forwarder.worker_seconds(), time.perf_counter()
    with forwarder.running():
        time.sleep(WARM_SECONDS)
        first = read(forwarder)
        time.sleep(WINDOW_SECONDS)
        last = read(forwarder)
    elapsed = time.perf_counter() - begin
    around = max(around, yardstick.measure())
    share = (forwarder.worker_seconds() - cpu) / elapsed
    time.sleep(PAUSE_SECONDS)
    if first is None or last is None or share < CORE_SHARE_MIN or last[1] == first[1]:
        return None
    return Window((last[0] - first[0]) * yardstick.tsc_hz / (last[1] - first[1]), around)


def lost_share(before, after):
    received, sent = (new - old for old, new in zip(before, after))
    return (received - sent) / received if received else 1.0


def measure(forwarders, yardstick, rounds):
    """{name: [Window or None per round]} of `forwarders` {name: Forwarder}, all held before and after. Raises
    when one of them did not forward what it received."""
    windows = {name: [] for name in forwarders}
    before = {}
    for name, forwarder in forwarders.items():
        with forwarder.running():
            before[name] = forwarder.counters()
    for _ in range(rounds):
        for name, forwarder in forwarders.items():
            windows[name].append(turn(forwarder, yardstick))
    for name, forwarder in forwarders.items():
        with forwarder.running():
            lost = lost_share(before[name], forwarder.counters())
        if lost > LOST_SHARE_MAX:
            raise RuntimeError(f"{name}: {lost:.2%} of the packets received were not sent")
    return windows


@dataclass(frozen=True)
class Figure:
    value: float  # scaled to the quietest yardstick
    raw: float
    windows: int
    quiet_windows: int


def figure(pairs, quietest):
    """Of [(cycles, yardstick)]; the median of the quiet ones (the quietest quarter where they are fewer), scaled,
    and of all of them as they are."""
    if not pairs:
        raise RuntimeError("every window was disturbed; the machine is too busy")
    quiet = sum(around <= quietest * QUIET for _, around in pairs)
    used = sorted(pairs, key=lambda pair: pair[1])[:max(quiet, (len(pairs) + 3) // 4)]
    return Figure(statistics.median(cycles * quietest / around for cycles, around in used),
                  statistics.median(cycles for cycles, _ in pairs), len(pairs), quiet)


def quietest_of(windows):
    """The 5th percentile of all yardsticks."""
    seen = sorted(window.yardstick for row in windows.values() for window in row if window)
    return seen[len(seen) // 20] if seen else 0.0


def total(row, quietest):
    return figure([(window.cycles, window.yardstick) for window in row if window], quietest)


def net(row, io, quietest):
    """What a forwarder needs beyond `io`, round by round."""
    return figure([(own.cycles - plain.cycles, max(own.yardstick, plain.yardstick))
                   for own, plain in zip(row, io) if own and plain], quietest)
