"""Checks what scripts/fleet/kubernetes printed: against the schema of Kubernetes, and that a pod gets what it needs.

usage: check_manifests.py MANIFESTS NODE_SCRIPT PLAN
"""

import sys

import kubernetes_validate
import yaml


def without_blank_ends(text):
    return "\n".join(line.rstrip() for line in text.splitlines())


manifests, node_script, plan = (open(path, encoding="utf-8").read() for path in sys.argv[1:])
documents = list(yaml.safe_load_all(manifests))
for document in documents:
    try:
        version = kubernetes_validate.validate(document, "1.30", strict=True)
    except kubernetes_validate.ValidationError as error:
        sys.exit(f"{document['kind']} {document['metadata']['name']}: {error.message}")

scripts, *jobs = documents
assert without_blank_ends(scripts["data"]["node"]) == without_blank_ends(node_script)
assert without_blank_ends(scripts["data"]["plan.toml"]) == without_blank_ends(plan)
assert [job["metadata"]["name"] for job in jobs] == ["spring-w1", "spring-w2-example"], jobs
for job, node in zip(jobs, ["w1", "w2.example"]):
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["nodeSelector"] == {"kubernetes.io/hostname": node}
    assert job["metadata"]["namespace"] == "bench"
    # The static CPU manager policy gives CPUs to pods whose requests are their limits, in whole CPUs.
    resources = container["resources"]
    assert resources["requests"] == resources["limits"] and resources["limits"]["cpu"] == 4, resources
    (shared_memory,) = [volume["emptyDir"] for volume in pod["volumes"] if volume["name"] == "shared-memory"]
    assert shared_memory == {"medium": "Memory", "sizeLimit": "6Gi"}
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert places["shared-memory"] == "/dev/shm", places
    words = container["command"] + container["args"]
    assert words[:6] == ["bash", "/fleet/node", "--name", node, "--out", "/results/spring/nodes"], words
    assert words[7:] == ["--plan", "/fleet/plan.toml", "--only", '"quoted" \\d: #'], words
print(f"{len(documents)} documents follow the schema of Kubernetes {version}")
