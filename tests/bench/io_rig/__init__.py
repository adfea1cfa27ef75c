"""Whole forwarding programs side by side: the same packets, ports and core for each, one at a time."""
