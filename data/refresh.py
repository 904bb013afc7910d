#!/usr/bin/env python3
"""Makes the third-party lists in this folder again from the packages they come from.

    python3 data/refresh.py            write the lists
    python3 data/refresh.py --check    write nothing; exit 1 where a list differs

Needs python3 (3.10 or newer) with pip, and npm. The versions stand below: to take newer ones, change
them, run this, and run `cargo test -p weir-processor`, which says what the new lists decide otherwise.
"""

import ast
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

UAP_PACKAGE, UAP_VERSION = "ua-parser-builtins", "202610"
ISBOT_PACKAGE, ISBOT_VERSION = "isbot", "5.2.3"

DATA = Path(__file__).resolve().parent


def pip_package(name: str, version: str, folder: Path) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--dest", str(folder), f"{name}=={version}"], check=True)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


def npm_package(name: str, version: str, folder: Path) -> tarfile.TarFile:
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    return tarfile.open(archive)


def rule_calls(source: str, name: str) -> list[list[str | None]]:
    """The arguments of each rule in the list `name`. Parsed, not run: it is somebody else's code."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return [[ast.literal_eval(arg) for arg in call.args] for call in node.value.elts]
    raise SystemExit(f"{UAP_PACKAGE} {UAP_VERSION} has no {name}")


def rules(source: str, name: str, replacement: str) -> list[dict[str, str]]:
    """Regex and name of each rule; versions are left out, since no statistic has them."""
    made = []
    for regex, *rest in rule_calls(source, name):
        rule = {"regex": regex}
        if rest and rest[0]:
            rule[replacement] = rest[0]
        made.append(rule)
    return made


def user_agents(folder: Path) -> str:
    with pip_package(UAP_PACKAGE, UAP_VERSION, folder) as wheel:
        source = wheel.read("ua_parser_builtins/regexes.py").decode()
    lists = {
        "user_agent_parsers": rules(source, "USER_AGENT_PARSERS", "family_replacement"),
        "os_parsers": rules(source, "OS_PARSERS", "os_replacement"),
    }
    # One rule a line, so that a refresh can be read as a diff.
    blocks = []
    for name, list_of_rules in lists.items():
        lines = ",\n".join(json.dumps(rule, ensure_ascii=False) for rule in list_of_rules)
        blocks.append(f'"{name}": [\n{lines}\n]')
    return "{" + ",\n".join(blocks) + "}\n"


def bots(folder: Path) -> str:
    with npm_package(ISBOT_PACKAGE, ISBOT_VERSION, folder) as archive:
        source = archive.extractfile("package/index.mjs").read().decode()
    found = re.search(r"var patterns_default = (\[.*?\n\]);", source, re.DOTALL)
    if not found:
        raise SystemExit(f"{ISBOT_PACKAGE} {ISBOT_VERSION} keeps its patterns elsewhere")
    # JavaScript takes a hyphen after a class literally, stricter engines call it a broken range.
    patterns = [pattern.replace(r"[\w\d-.]", r"[\w\d.-]") for pattern in json.loads(found[1])]
    head = f"# Patterns of {ISBOT_PACKAGE} {ISBOT_VERSION} (Unlicense); made by data/refresh.py, not by hand.\n"
    return head + "".join(f"{pattern}\n" for pattern in patterns)


LISTS = {"user-agents/rules.json": user_agents, "bots/isbot.txt": bots}


def main() -> int:
    differing = 0
    for path, make in LISTS.items():
        with tempfile.TemporaryDirectory() as folder:
            text = make(Path(folder))
        target = DATA / path
        same = target.exists() and target.read_text(encoding="utf-8") == text
        print(f"{path}: {'as it was' if same else 'differs' if '--check' in sys.argv else 'written'}")
        if not same and "--check" not in sys.argv:
            target.write_text(text, encoding="utf-8")
        differing += not same
    return 1 if differing and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
