"""Waiting on conditions. Nothing in the rig sleeps for a fixed time: it waits for a fact, and says
which fact did not come true before the deadline."""
import time


class DeadlineExceeded(Exception):
    pass


def wait_until(what, condition, seconds=10.0, interval=0.02):
    """Returns the first true value of condition(), which is asked every `interval` seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise DeadlineExceeded(f"{what}: not within {seconds:g} s")
        time.sleep(interval)
