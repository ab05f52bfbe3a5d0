# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0

"""Holds doc/schema against what the command prints, for schema.sh.

schema.py form SCHEMA HELP       the schema itself: one name has one meaning, and the numbers of the
                                 library are those that HELP (mapherd help status) has
schema.py valid SCHEMA VERB SEEN lines of JSON on stdin: valid by the schema, and no member that it
                                 does not have; the members that were there are added to the file SEEN
schema.py seen SCHEMA SEEN       every member of the schema is in SEEN, but for those on stdin
schema.py metrics METRICS FILE HELP
                                 a file of metrics has what METRICS promises, and nothing else
"""
import json, re, sys
from jsonschema import Draft202012Validator

mode, path = sys.argv[1:3]
with open(path, encoding="utf-8") as f:
    schema = json.load(f)


def table(name):
    """mapherd help status: name -> (kind, metric or "", meaning)"""
    with open(name, encoding="utf-8") as f:
        rows = f.read().split("\n\n", 1)[1].rstrip("\n").split("\n")
    found = {}
    for number, kind, what in zip(rows[::3], rows[1::3], rows[2::3]):
        kind, metric = kind.strip().split(" ", 1)
        found[number] = (kind, "" if metric.startswith("of ") else metric, what.strip())
    return found


def objects(part, name=""):
    """Every object of the schema with members: (name, members)."""
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            yield name, part["properties"]
        for key, value in part.items():
            yield from objects(value, key if key not in ("items", "oneOf", "allOf") else name)
    elif isinstance(part, list):
        for value in part:
            yield from objects(value, name)


def resolved(part):
    while "$ref" in part:
        at = schema
        for key in part["$ref"].split("/")[1:]:
            at = at[key]
        part = at
    return part


def rooted(part):
    return Draft202012Validator({**schema, **part})


def form():
    for kind in "fields", "objects", "verbs":
        for part in schema[kind].values():
            Draft202012Validator.check_schema(part)
    fields = schema["fields"]
    forms = {}
    for name, members in objects({"objects": schema["objects"], "verbs": schema["verbs"]}):
        for member, what in members.items():
            if "const" in what:
                continue
            scalar = "$ref" in what and "/fields/" in what["$ref"]
            assert not scalar or what["$ref"].endswith("/fields/" + member), f"{name}.{member} is of another name"
            is_list = what.get("type") == "array"
            forms.setdefault(member, {})["scalar" if scalar else "list" if is_list else "object"] = name
    for member, kinds in forms.items():
        assert len(kinds) == 1, f"{member} is not the same in all verbs: {kinds}"
    for name, what in fields.items():
        assert "scalar" in forms.get(name, {}), f"{name} is a member of nothing"
        assert what.get("description"), f"{name} has no meaning"
        number = "integer" in what["type"]
        assert "unit" in what or not number or name in ("pid", "thread", "line"), f"{name} has no unit"
        assert not name.endswith("_bytes") or what["unit"] == "bytes", name
        assert not name.endswith("_ms") or what["unit"] == "milliseconds", name
        assert not name.endswith("_us") or what["unit"] == "microseconds", name
    library = schema["objects"]["library"]["properties"]
    for name, (_, _, what) in table(sys.argv[3]).items():
        assert name in library, f"library.{name}, a number of stat, is not in the schema"
        if name != "pressure":
            assert fields[name]["description"] == what, f"library.{name} is said to be '{what}'"


def walk(part, value, name, seen, errors):
    """Adds each member to seen, and to errors those that the schema does not have."""
    part = resolved(part)
    for both in part.get("allOf", []):
        if "properties" not in both or "$ref" in both:
            walk(both, value, name, seen, errors)
    for one in part.get("oneOf", []):
        if rooted(one).is_valid(value):
            walk(one, value, name, seen, errors)
    if isinstance(value, list):
        for item in value:
            walk(part.get("items", {}), item, name, seen, errors)
    if not isinstance(value, dict) or "properties" not in part:
        return
    owner = next((n for n, o in schema["objects"].items() if o is part), name)
    for member, inner in value.items():
        if member in part["properties"]:
            seen.add(f"{owner}.{member}")
            walk(part["properties"][member], inner, f"{name}.{member}", seen, errors)
        else:
            errors.append(f"{owner}.{member} is not in doc/schema: add it, with its unit and meaning")


def valid():
    verb, seen_path = sys.argv[3:]
    top = {"$ref": f"#/verbs/{verb}"}
    validator, seen, errors, lines = rooted(top), set(), [], 0
    for line in sys.stdin:
        lines += 1
        value = json.loads(line)
        errors += [f"{e.json_path}: {e.message[:300]}" for e in validator.iter_errors(value)]
        walk(top, value, verb, seen, errors)
    assert lines, f"{verb} prints nothing"
    with open(seen_path, "a", encoding="utf-8") as f:
        f.write("".join(s + "\n" for s in sorted(seen)))
    sys.exit("\n".join(sorted(set(errors))[:20]) or 0)


def seen():
    with open(sys.argv[3], encoding="utf-8") as f:
        there = set(f.read().split())
    excused = set(sys.stdin.read().split())
    wanted = set()
    for kind in "objects", "verbs":
        for name, part in schema[kind].items():
            wanted |= {f"{name}.{member}" for member in resolved(part).get("properties", {})
                       if resolved(part) is part}
    missing = wanted - there - excused
    assert not missing, f"in doc/schema, and never printed: {sorted(missing)}"
    assert not excused - wanted, f"excused, and not in doc/schema: {sorted(excused - wanted)}"


def metrics():
    promised = {m["name"]: m for m in schema["metrics"]}
    for name, (kind, metric, _) in table(sys.argv[4]).items():
        if metric:
            assert metric in promised, f"{metric} is not in doc/schema/metrics.json"
            assert promised[metric]["type"] == kind, f"{metric} is a {kind}"
    with open(sys.argv[3], encoding="utf-8") as f:
        lines = f.read().splitlines()
    types = dict(l.split()[2:4] for l in lines if l.startswith("# TYPE "))
    helps = {l.split()[2] for l in lines if l.startswith("# HELP ") and len(l.split()) > 4}
    assert types == {n: m["type"] for n, m in promised.items()}, \
        f"promised, or there, and not both: {sorted(set(types) ^ set(promised))}"
    assert helps == set(promised), f"without help text: {sorted(set(promised) - helps)}"
    for name, labels in re.findall(r"(?m)^(\w+)\{(.*)\} \S+$", "\n".join(lines)):
        metric = promised.get(name) or promised[re.sub("_(bucket|sum|count)$", "", name)]
        there = set(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', labels))
        assert there >= {"pid", "program"} and there <= set(metric["labels"]), f"{name} has the labels {there}"
        unit = metric["unit"]
        assert unit != "bytes" or "bytes" in name, f"the name of {name} does not say its unit"


{"form": form, "valid": valid, "seen": seen, "metrics": metrics}[mode]()
