"""Reads Kubernetes objects as YAML, checks them against the schemas of the given versions, and prints them as JSON."""

import json
import sys

import yaml
from kubernetes_validate import ValidationError, validate

# Of operators, whose schemas are not Kubernetes' own.
FOREIGN = {"ServiceMonitor"}

objects = [found for found in yaml.safe_load_all(sys.stdin) if found]
for found in objects:
    for version in sys.argv[1:]:
        if found["kind"] not in FOREIGN:
            try:
                validate(found, version, strict=True)
            except ValidationError as error:
                where = ".".join(str(step) for step in error.path)
                sys.exit(f"Kubernetes {version}: {found['kind']}: {where}: {error.message}")
json.dump(objects, sys.stdout)
