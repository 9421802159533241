#!/usr/bin/env python3
"""Prints the licences of all crates that are linked into the program, each text once.

    licences.py > THIRD-PARTY.txt

It asks cargo alone, and reads what lies in the crates as they were downloaded. A crate that brings no
text of its own stands under the text that others bring under the same licence, and is named there; one
for whose licence there is no text at all ends this with an error."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict

NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT")
RULE = "-" * 79


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def host():
    told = run("rustc", "--version", "--verbose")
    return re.search(r"^host: (.*)$", told, re.M).group(1)


def crates():
    """What is linked: no crate that only builds or tests."""
    metadata = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1",
                              "--filter-platform", host()))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    seen, left = set(), [metadata["resolve"]["root"]]
    while left:
        this = left.pop()
        if this in seen:
            continue
        seen.add(this)
        left += [it["pkg"] for it in nodes[this]["deps"]
                 if any(kind["kind"] is None for kind in it["dep_kinds"])]
    found = [packages[this] for this in seen if packages[this]["source"]]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The texts that a crate brings, the shape of their lines aside."""
    folder = os.path.dirname(package["manifest_path"])
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.upper().startswith(NAMES) and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                yield "\n".join(line.rstrip() for line in file.read().strip().splitlines())


def chosen(licence):
    """The words of an SPDX expression."""
    return set(re.findall(r"[A-Za-z0-9.+-]+", licence)) - {"OR", "AND", "WITH"}


def main():
    under, bare, known = defaultdict(list), [], defaultdict(list)
    for package in crates():
        licence = package["license"] or "see its text"
        name = f'{package["name"]} {package["version"]} ({licence})'
        told = list(texts(package))
        for text in told:
            under[text].append(name)
            if len(chosen(licence)) == 1:
                known[licence].append(text)
        if not told:
            bare.append((name, licence))
    for name, licence in bare:
        text = next((known[it][0] for it in sorted(chosen(licence)) if known[it]), None)
        if text is None:
            sys.exit(f"licences.py: there is no text of {licence} for {name}")
        under[text].append(f"{name}, which brings no text of its own")
    print("What is linked into spot-tui, and under which licences.\n")
    for text, names in sorted(under.items(), key=lambda it: it[1][0]):
        print(RULE, *names, "", text, "", sep="\n")


main()
