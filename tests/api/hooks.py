"""Hooks of Schemathesis. `test_api.py` starts it with the variables."""

import itertools
import json
import os

import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.parameters import LOCATION_TO_CONTAINER

CALLS, OWN_SESSION = os.environ["CALLS"], os.environ["OWN_SESSION"]

#: The fields with the rows of an answer.
LISTS = ["deletedRecords", "groups", "ids", "items", "records"]
#: What a client takes from other answers, by name, or by operation and name.
VALUES = {name: itertools.cycle(values) for name, values in json.loads(os.environ["VALUES"]).items()}
# With the key of another request, whatever else is wrong with a request is not looked at.
VALUES["idempotency-key"] = map("key-{}".format, itertools.count())


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts in what exists, except where the request is to be wrong. Spares the session that asks."""
    for location, part in case.meta.components.items():
        if part.mode is GenerationMode.POSITIVE:
            fill(getattr(case, LOCATION_TO_CONTAINER[location.value]), case.operation.label)
    if case.path_parameters.get("session_id") == OWN_SESSION:
        case.path_parameters["session_id"] = "00000000-0000-0000-0000-000000000000"


def fill(container, operation):
    """Replaces the values of a container, and of those in it."""
    for name, value in container.items() if hasattr(container, "items") else ():
        known = VALUES.get(f"{operation} {name}", VALUES.get(name))
        if known is None:
            fill(value, operation)
        elif isinstance(value, list):
            container[name] = [next(known) for _ in value]
        elif value is not None:
            container[name] = next(known)


@schemathesis.hook
def after_call(context, case, response):
    """Records the operation, the status, and whether there is data in the answer."""
    is_json = response.headers.get("content-type", [""])[0].startswith("application/json")
    body = response.json() if is_json else None
    has_data = body != [] and not (isinstance(body, dict) and any(body.get(name) == [] for name in LISTS))
    with open(CALLS, "a") as calls:
        calls.write(json.dumps([case.operation.label, response.status_code, has_data]) + "\n")
