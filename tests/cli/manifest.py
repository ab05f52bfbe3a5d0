# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0

"""manifest.py FILE: is FILE a manifest that the API server of Kubernetes takes, by its schema?

The schema is that of the classes which the Kubernetes project generates from its API for
python3-kubernetes: names and types of fields, and which are needed. Besides, what refers to
something in the manifest finds it there. Prints the environment of the containers, NAME=value a line,
and what only stands in a comment, too.
"""

import datetime
import re
import sys

import kubernetes.client as api
import yaml

KINDS = {("apps/v1", "StatefulSet"): api.V1StatefulSet}
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "datetime": datetime.datetime}


class Wrong(Exception):
    pass


def typed(value, kind, path):
    """Returns value as an object of the class or type that the schema calls kind."""
    inner = re.fullmatch(r"(list|dict)[\[(](?:str, )?(.*)[\])]", kind)
    if kind == "object":
        return value
    if inner and inner[1] == "list":
        if not isinstance(value, list):
            raise Wrong(f"{path} is no list")
        return [typed(v, inner[2], f"{path}[{n}]") for n, v in enumerate(value)]
    if inner:
        if not isinstance(value, dict):
            raise Wrong(f"{path} is no map")
        return {k: typed(v, inner[2], f"{path}.{k}") for k, v in value.items()}
    if kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind != "bool"):
            raise Wrong(f"{path} is {value!r}, and not of type {kind}")
        return value
    if not isinstance(value, dict):
        raise Wrong(f"{path} is no {kind}")
    schema = getattr(api, kind)
    names = {there: here for here, there in schema.attribute_map.items()}
    for key in value:
        if key not in names:
            raise Wrong(f"{path} has no field {key}")
    fields = {names[k]: typed(v, schema.openapi_types[names[k]], f"{path}.{k}") for k, v in value.items()}
    try:
        return schema(**fields)
    except ValueError as e:  # a field that is needed is not there, or a value is none of those known
        raise Wrong(f"{path}: {e}") from e


def refers(found, known, what):
    for name in found:
        if name not in known:
            raise Wrong(f"there is no {what} {name}")


def check(thing):
    kind = KINDS.get((thing.get("apiVersion"), thing.get("kind")))
    if not kind:
        raise Wrong(f"unknown kind {thing.get('kind')} of {thing.get('apiVersion')}")
    spec = typed(thing, kind.__name__, thing["kind"]).spec
    pod = spec.template.spec
    refers(spec.selector.match_labels.items(), spec.template.metadata.labels.items(), "label")
    volumes = [v.name for v in pod.volumes] + [c.metadata.name for c in spec.volume_claim_templates]
    copied = set()
    for container in pod.init_containers + pod.containers:
        refers((m.name for m in container.volume_mounts), volumes, "volume")
        if container.command[0] == "cp":
            copied.add(container.command[2] + container.command[1].rsplit("/", 1)[1])
        mounts = [m.mount_path for m in container.volume_mounts]
        for variable in container.env or []:
            if variable.name == "LD_PRELOAD":
                refers([variable.value], copied, "library")
            if variable.value.startswith("/"):
                if not any(variable.value.startswith(m) for m in mounts):
                    raise Wrong(f"{variable.value} of {variable.name} is on no volume")


def main(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for thing in yaml.safe_load_all(text):
        check(thing)
    for name, value in re.findall(r"- name: ([A-Z_]+)\n[ #]*value: (\S+)", text):
        print(f"{name}={value}")


try:
    main(sys.argv[1])
except Wrong as e:
    sys.exit(f"{sys.argv[1]}: {e}")
