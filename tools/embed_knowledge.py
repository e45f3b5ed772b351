#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks the texts of knowledge/ and makes the C tables of them.

    tools/embed_knowledge.py DIRECTORY OUTPUT.c     check, then write the tables
    tools/embed_knowledge.py DIRECTORY              check only

The format is described in knowledge/README.md. Every mistake of every file is
named in one run, as FILE:LINE: message; then the exit status is 1 and nothing is
written."""
import json
import pathlib
import re
import sys

LINE_MAX = 200
TITLE_MAX = 58  # with the longest code in front it fits 80 columns
TYPED_MAX = 70  # what is typed is never wrapped, and is shown indented

ONE, SOME, ANY = "one", "some", "any"  # exactly one, at least one, any number

# Key of an entry -> (how often it must occur, keys of the block it opens).
REMEDY = {"setting": ANY, "flag": ANY, "since": "optional", "versions": ONE, "source": ONE}
CODE_FILE = {
    "code": (ONE, {}), "title": (ONE, {}), "meaning": (ONE, {}),
    "evidence": (SOME, {}), "cause": (SOME, {}),
    "remedy": (SOME, {key: n for key, n in REMEDY.items() if key not in ("flag", "since")}),
    "next": (SOME, {"shows": ONE}),
    "wrong": (ANY, {"why": ONE}),
}
STACK_FILE = {
    "stack": (ONE, {}), "title": (ONE, {}),
    "recognised": (SOME, {}), "default": (SOME, {}),
    "remedy": (SOME, dict(REMEDY, **{"for": ONE})),
    "wrong": (ANY, {"for": ONE, "why": ONE}),
}
LIMITS = {"title": TITLE_MAX, "setting": TYPED_MAX, "flag": TYPED_MAX, "next": TYPED_MAX}
FLAG = re.compile(r"--?[a-zA-Z][a-zA-Z0-9_-]*( .+)?")
SINCE = re.compile(r"[0-9]+(\.[0-9]+)*")


class Entry:
    """One key with its value; `parts` are the entries of the block it opens."""

    def __init__(self, line, key, value):
        self.line, self.key, self.value, self.parts = line, key, value, []

    def all(self, key):
        return [part.value for part in self.parts if part.key == key]

    def one(self, key):
        return (self.all(key) or [""])[0]


class Checker:
    def __init__(self):
        self.errors = []

    def complain(self, path, line, message):
        self.errors.append((str(path), line, f"{path}:{line}: {message}"))

    # Lines to entries --------------------------------------------------------

    def check_line(self, path, number, line):
        if len(line) > LINE_MAX:
            self.complain(path, number, f"{len(line)} characters, more than {LINE_MAX}")
        if not line.isascii() or not line.replace("\t", "!").isprintable():
            self.complain(path, number, "a character that is not printable ASCII")
        if line != line.rstrip() or "\t" in line:
            self.complain(path, number, "a tab, or a blank at the end of the line")

    def read_entries(self, path):
        entries = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            self.check_line(path, number, line)
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith((" ", "\t")):
                if entries:
                    entries[-1].value = f"{entries[-1].value} {line.strip()}".strip()
                else:
                    self.complain(path, number, "a continuation without a key before it")
                continue
            key, colon, value = line.partition(":")
            if not colon:
                self.complain(path, number, "neither 'key: value' nor indented")
                continue
            entries.append(Entry(number, key, value.strip()))
        return entries

    # Entries to blocks -------------------------------------------------------

    def group(self, path, entries, keys):
        """Gives every key of a block to the entry that opened it."""
        groups, block_keys = [], set().union(*(parts for _, parts in keys.values()))
        for entry in entries:
            if entry.key in keys:
                groups.append(entry)
            elif groups and entry.key in keys[groups[-1].key][1]:
                groups[-1].parts.append(entry)
            elif entry.key in block_keys:
                owners = [key for key in keys if entry.key in keys[key][1]]
                self.complain(path, entry.line,
                              f"'{entry.key}' must follow {' or '.join(map(repr, owners))}")
            else:
                self.complain(path, entry.line, f"unknown key '{entry.key}'")
        return groups

    def check_count(self, path, line, key, count, wanted, where=""):
        if count == 0 and wanted in (ONE, SOME):
            self.complain(path, line, f"missing key '{key}'{where}")
        if count > 1 and wanted in (ONE, "optional"):
            self.complain(path, line, f"'{key}' may stand once only{where}")

    def check_values(self, path, entry):
        if not entry.value:
            self.complain(path, entry.line, f"'{entry.key}' has no value")
        limit = LIMITS.get(entry.key)
        if limit and len(entry.value) > limit:
            self.complain(path, entry.line, f"'{entry.key}' has {len(entry.value)} "
                          f"characters, more than {limit}")
        if entry.key == "flag" and not FLAG.fullmatch(entry.value):
            self.complain(path, entry.line, f"'{entry.value}' is no command-line flag")
        if entry.key == "since" and not SINCE.fullmatch(entry.value):
            self.complain(path, entry.line, f"'{entry.value}' is no version")

    def check_groups(self, path, groups, keys):
        for key, (wanted, _) in keys.items():
            count = sum(entry.key == key for entry in groups)
            self.check_count(path, 1, key, count, wanted)
        for entry in groups:
            for part in [entry, *entry.parts]:
                self.check_values(path, part)
            for key, wanted in keys[entry.key][1].items():
                self.check_count(path, entry.line, key, len(entry.all(key)), wanted,
                                 f" of this '{entry.key}'")

    def read(self, path, keys):
        groups = self.group(path, self.read_entries(path), keys)
        self.check_groups(path, groups, keys)
        return groups

    # References between files --------------------------------------------------

    def check_name(self, path, groups, key, expected):
        for entry in groups:
            if entry.key == key and entry.value != expected:
                self.complain(path, entry.line,
                              f"unknown {key} '{entry.value}': the file is called {path.name}")

    def check_references(self, path, groups, codes, sources):
        for entry in groups:
            for part in entry.parts:
                known, what = {"for": (codes, "code"), "source": (sources, "source"),
                               }.get(part.key, (None, ""))
                for word in part.value.split() if known is not None else ():
                    if word.partition(":")[0] not in known:
                        self.complain(path, part.line, f"unknown {what} '{word}'")

    def read_sources(self, path):
        if not path.exists():
            self.complain(path, 1, "the list of sources is missing")
            return {}
        return {entry.key: entry.value for entry in self.read_entries(path)}


def read_all(directory, checker):
    """(codes, stacks, sources), the first two as {name: groups}."""
    sources = checker.read_sources(directory / "sources.txt")
    codes, stacks = {}, {}
    for path in sorted(directory.glob("*.txt")):
        if path.name == "sources.txt":
            continue
        is_stack = path.stem.startswith("stack-")
        name = path.stem.removeprefix("stack-")
        groups = checker.read(path, STACK_FILE if is_stack else CODE_FILE)
        checker.check_name(path, groups, "stack" if is_stack else "code", name)
        (stacks if is_stack else codes)[name] = (path, groups)
    for path, groups in [*codes.values(), *stacks.values()]:
        checker.check_references(path, groups, codes, sources)
    if not codes or not stacks:
        checker.complain(directory, 1, "no texts of codes, or none of stacks")
    return ({name: groups for name, (_, groups) in codes.items()},
            {name: groups for name, (_, groups) in stacks.items()}, sources)


# Tables ------------------------------------------------------------------------

def c_string(text):
    # JSON escapes of printable ASCII are those of C, but for trigraphs.
    return json.dumps(text).replace("??", '?""?') if text else "NULL"


def c_list(texts):
    return f"(const char *const[]){{ {', '.join(map(c_string, [*texts, '']))} }}"


def c_rows(struct, rows):
    rows = "".join(f"\n\t\t{{ {row} }}," for row in rows)
    return f"(const struct {struct}[]){{{rows}\n\t\t{{ 0 }} }}"


def values(groups, key):
    return [entry.value for entry in groups if entry.key == key]


def c_remedies(groups, sources):
    rows = []
    for entry in groups:
        if entry.key != "remedy":
            continue
        source = "; ".join(sources[tag] for tag in entry.one("source").split())
        rows.append(", ".join([
            c_string(entry.value), c_list(entry.all("setting")), c_list(entry.all("flag")),
            c_string(entry.one("versions")), c_string(source),
            c_list(entry.one("for").split())]))
    return c_rows("knowledge_remedy", rows)


def c_wrong(groups):
    return c_rows("knowledge_wrong", [
        ", ".join([c_string(entry.value), c_string(entry.one("why")),
                   c_list(entry.one("for").split())])
        for entry in groups if entry.key == "wrong"])


def c_next(groups):
    return c_rows("knowledge_next", [
        f"{c_string(entry.value)}, {c_string(entry.one('shows'))}"
        for entry in groups if entry.key == "next"])


def c_code(name, groups, sources):
    columns = [c_string(name), c_string(values(groups, "title")[0]),
               c_string(values(groups, "meaning")[0]), c_list(values(groups, "evidence")),
               c_list(values(groups, "cause")), c_remedies(groups, sources),
               c_next(groups), c_wrong(groups)]
    return "\t{ " + ",\n\t  ".join(columns) + " },\n"


def c_stack(name, groups, sources):
    columns = [c_string(name), c_string(values(groups, "title")[0]),
               c_list(values(groups, "recognised")), c_list(values(groups, "default")),
               c_remedies(groups, sources), c_wrong(groups)]
    return "\t{ " + ",\n\t  ".join(columns) + " },\n"


def c_file(codes, stacks, sources):
    return ("/* SPDX-License-Identifier: MIT */\n"
            "/* Made by tools/embed_knowledge.py from knowledge/; do not edit. */\n"
            '#include "conn-doctor/knowledge.h"\n\n'
            "const struct knowledge_code knowledge_codes[] = {\n"
            + "".join(c_code(name, codes[name], sources) for name in sorted(codes))
            + "\t{ 0 },\n};\n\nconst struct knowledge_stack knowledge_stacks[] = {\n"
            + "".join(c_stack(name, stacks[name], sources) for name in sorted(stacks))
            + "\t{ 0 },\n};\n")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    checker = Checker()
    codes, stacks, sources = read_all(pathlib.Path(sys.argv[1]), checker)
    for _, _, message in sorted(checker.errors):
        print(message, file=sys.stderr)
    if checker.errors:
        return 1
    if len(sys.argv) == 3:
        pathlib.Path(sys.argv[2]).write_text(c_file(codes, stacks, sources), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
