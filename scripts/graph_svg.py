#!/usr/bin/python3
"""docs/graph.svg shows the packet graph that the program has.

  scripts/graph_svg.py PROGRAM SVG            fails when SVG shows other nodes or edges
  scripts/graph_svg.py PROGRAM SVG --write    draws it anew (graphviz)

Compared are the nodes, their style and the edges, not the drawing: that differs between versions of graphviz.
"""
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

SVG = "{http://www.w3.org/2000/svg}"


def shown(svg):
    """Nodes (with True when drawn bold: a source) and edges of a drawing by graphviz."""
    nodes, edges = {}, []
    for group in xml.fromstring(svg).iter(SVG + "g"):
        title = group.findtext(SVG + "title")
        if group.get("class") == "node":
            nodes[title] = any("stroke-width" in shape.attrib for shape in group)
        if group.get("class") == "edge":
            edges.append(tuple(title.split("->")))
    return nodes, sorted(edges)


def described(dot):
    """The same of the program's own description."""
    edges = sorted(re.findall(r"^  (\w+) -> (\w+);$", dot, re.M))
    sources = set(re.findall(r"^  (\w+) \[style=bold\];$", dot, re.M))
    names = sources | {name for edge in edges for name in edge}
    return {name: name in sources for name in names}, edges


def main():
    program, path = sys.argv[1:3]
    dot = subprocess.run([program, "--graph"], check=True, capture_output=True, text=True).stdout
    if "--write" in sys.argv:
        subprocess.run(["dot", "-Tsvg", "-o", path], input=dot, check=True, text=True)
    with open(path, encoding="utf-8") as file:
        nodes, edges = shown(file.read())
    want_nodes, want_edges = described(dot)
    if (nodes, edges) == (want_nodes, want_edges):
        return 0
    for what, want, got in (("node", set(want_nodes.items()), set(nodes.items())), ("edge", set(want_edges), set(edges))):
        for sign, items in (("+", want - got), ("-", got - want)):
            for item in sorted(items):
                print(f"{sign} {what} {item}", file=sys.stderr)
    print("docs/graph.svg is not the program's graph; draw it anew:\n"
          "  scripts/graph_svg.py build/dataplane/sluice-dataplane docs/graph.svg --write", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
