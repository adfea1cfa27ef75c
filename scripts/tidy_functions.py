"""Finds the functions of a C++ file and their lengths, without a compiler.

Good enough for code that clang-format laid out: comments and literals are blanked, then
every brace is classified by the text in front of it.
"""

import re

LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
DIGIT_SEPARATOR = re.compile(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])")
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M)


def blank(match):
    """Spaces instead of a literal: columns and line numbers stay."""
    return re.sub(r"[^\n]", " ", match.group())


def code_only(text):
    return LITERAL.sub(blank, DIGIT_SEPARATOR.sub("_", text))


def functions(text):
    """[(first line, line count, header)] of every function body, outermost only."""
    code = DIRECTIVE.sub(blank, code_only(text))
    found = []
    stack = []  # per open brace: None for a scope, else (start, header)
    inside = 0  # depth below a function or initializer
    start = 0   # where the text in front of the next brace begins
    parens = 0
    for at, char in enumerate(code):
        if char in "()":
            parens += 1 if char == "(" else -1
        elif char == ";" and parens == 0:
            start = at + 1
        elif char == "{":
            header = code[start:at]
            if inside or parens > 0:
                stack.append("body")
                inside += 1
            elif SCOPE.search(header) and not re.search(r"\)\s*(const|noexcept|override|final|\s)*$", header):
                stack.append(None)
                start = at + 1
            else:
                begin = start + len(header) - len(header.lstrip())
                stack.append((begin, header) if "(" in header else "body")
                inside += 1
        elif char == "}" and stack:
            top = stack.pop()
            if top is not None:
                inside -= 1
            if isinstance(top, tuple):
                first = code.count("\n", 0, top[0]) + 1
                found.append((first, code.count("\n", 0, at) + 2 - first, " ".join(top[1].split())))
            if not inside and parens == 0:
                start = at + 1
    return found
