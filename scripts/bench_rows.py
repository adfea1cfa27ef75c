"""Holds benchmark rows against tests/bench/targets.json and prints them as a table."""

import fnmatch

COLUMNS = ("name", "value", "unit", "must", "aim", "reference", "raw", "verdict")
VERDICTS = ("aim", "must", "MISSED", "absent", "reported")


def target_of(name, targets):
    """(target, factor of its bounds): a variant row is judged by its main row."""
    for suffix, how in targets["variants"].items():
        if name.endswith(suffix):
            return targets["rows"].get(name.removesuffix(suffix), {}), how["bound_factor"]
    return targets["rows"].get(name, {}), 1


def bound(limit, factor, values):
    if isinstance(limit, str):  # "2.5*other.row"
        times, row = limit.split("*")
        limit = float(times) * values[row] if row in values else None
    return None if limit is None else limit * factor


def verdict(value, must, aim, better):
    def meets(limit):
        return limit is not None and (value <= limit if better == "less" else value >= limit)
    if must is None:
        return "reported"
    if meets(aim):
        return "aim"
    return "must" if meets(must) else "MISSED"


def judge(rows, targets, only="*"):
    """The rows with must, aim and verdict, then one 'absent' row per target without a figure."""
    values = {row["name"]: row["value"] for row in rows}
    judged = []
    for row in rows:
        target, factor = target_of(row["name"], targets)
        must, aim = (bound(target.get(which), factor, values) for which in ("must", "aim"))
        reference = row.get("reference") or target.get("reference")
        ratio = row.get("ratio") or (round(row["value"] / reference, 3) if reference else None)
        judged.append({**row, "must": must, "aim": aim, "reference": reference, "ratio": ratio,
                       "verdict": verdict(row["value"], must, aim, target.get("better"))})
    for name, target in targets["rows"].items():
        if name not in values and fnmatch.fnmatch(name, only):
            judged.append({"name": name, "value": None, "unit": target["unit"], "must": target.get("must"),
                           "aim": target.get("aim"), "verdict": "absent"})
    return judged


def missed(judged):
    """Names of the rows that are worse than they must be."""
    return [row["name"] for row in judged if row["verdict"] == "MISSED"]


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def print_table(rows):
    table = [[cell if isinstance(cell := row.get(column), str) else number(cell) for column in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *table)]
    for line in (COLUMNS, *table):
        cells = (cell.ljust(width) if column in ("name", "unit", "verdict") else cell.rjust(width)
                 for column, cell, width in zip(COLUMNS, line, widths))
        print("  ".join(cells).rstrip())
    verdicts = [row["verdict"] for row in rows]
    print("\n" + ", ".join(f"{verdicts.count(word)} {word}" for word in VERDICTS))
