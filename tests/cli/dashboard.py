# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0

"""dashboard.py FILE: is FILE a dashboard of Grafana that shows all that it has, and what does it ask?

Grafana itself says of a wrong dashboard nothing but that a panel is empty. Prints the queries, each as
PANEL<tab>QUERY, with "all" for the variables and five minutes for $__rate_interval.
"""

import json
import sys


def check(dashboard):
    panels = dashboard["panels"]
    ids = [p["id"] for p in panels]
    assert len(set(ids)) == len(ids), "an id is there twice"
    titles = [p["title"] for p in panels]
    assert len(set(titles)) == len(titles), "a title is there twice"
    variables = {v["name"] for v in dashboard["templating"]["list"]}
    taken = set()
    for p in panels:
        at = p["gridPos"]
        assert at["x"] + at["w"] <= 24, f"{p['title']}: wider than the page"
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{p['title']}: lies over another panel"
        taken |= cells
        if p["type"] == "row":
            continue
        assert p["description"], f"{p['title']}: does not say what it shows"
        refs = [t["refId"] for t in p["targets"]]
        assert refs and len(set(refs)) == len(refs), f"{p['title']}: a query is named twice"
        for t in p["targets"]:
            assert t["datasource"]["uid"] == "${datasource}", f"{p['title']}: another data source"
            query = t["expr"].replace("$__rate_interval", "5m")
            for name in variables:
                query = query.replace(f'=~"${name}"', '=~".*"')
            assert "$" not in query, f"{p['title']}: an unknown variable in {query}"
            print(f"{p['title']}\t{query}")


with open(sys.argv[1], encoding="utf-8") as file:
    try:
        check(json.load(file))
    except (ValueError, KeyError, AssertionError) as e:
        sys.exit(f"{sys.argv[1]}: {e!r}")
