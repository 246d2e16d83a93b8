"""A client of the API that knows its address, a token, and what the description says."""

import http.client
import json
import queue
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import namedtuple

from jsonschema import Draft202012Validator

#: Seconds for an answer, and for an event of the stream.
LIMIT = 30

Answer = namedtuple("Answer", ["status", "headers", "body"])
Event = namedtuple("Event", ["event", "id", "data"])


class Api:
    def __init__(self, url, token):
        self.url, self.token = url, token
        with urllib.request.urlopen(f"{url}/v1/openapi.json", timeout=LIMIT) as answer:
            self.document = json.load(answer)
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
        }

    def call(self, operation_id, parameters=None, body=None):
        """Calls an operation. Fails if the description does not allow the request, or does not have the answer."""
        request, operation = self.request(operation_id, parameters or {}, body)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT) as answer:
                status, headers, text = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, headers, text = error.code, error.headers, error.read()
        documented = operation["responses"].get(str(status)) or operation["responses"].get(f"{status // 100}XX")
        assert documented, f"{operation_id}: {status} is not documented"
        if not (contents := documented.get("content")):
            assert not text, f"{operation_id}: a body is not documented for {status}"
            return Answer(status, headers, None)
        answered = json.loads(text)
        self.validate(contents[headers.get_content_type()]["schema"], answered)
        return Answer(status, headers, answered)

    def request(self, operation_id, parameters, body=None):
        """Returns a request, and the operation."""
        method, path, operation = self.operations[operation_id]
        declared = {parameter["name"]: parameter for parameter in operation.get("parameters", [])}
        missing = {name for name, parameter in declared.items() if parameter["required"]} - parameters.keys()
        assert not missing and parameters.keys() <= declared.keys(), f"{operation_id}: {missing} {parameters}"
        places = {"path": {}, "query": {}, "header": {}}
        for name, value in parameters.items():
            self.validate(declared[name]["schema"], value)
            places[declared[name]["in"]][name] = value
        for name, value in places["path"].items():
            path = path.replace(f"{{{name}}}", urllib.parse.quote(value, safe=""))
        url = f"{self.url}{path}?{urllib.parse.urlencode(places['query'])}"
        request = urllib.request.Request(url, method=method, headers=places["header"])
        request.add_header("authorization", f"Bearer {self.token}")
        if body is not None:
            [(media, content)] = operation["requestBody"]["content"].items()
            self.validate(content["schema"], body)
            request.add_header("content-type", media)
            request.data = json.dumps(body).encode()
        return request, operation

    def follow(self, operation_id, parameters=None):
        """Opens an event stream."""
        request, operation = self.request(operation_id, parameters or {})
        connection = http.client.HTTPConnection(request.host, timeout=LIMIT)
        connection.request(request.method, request.selector, headers=dict(request.header_items()))
        answer = connection.getresponse()
        assert answer.status == 200, f"{operation_id}: {answer.status} {answer.read()}"
        schema = operation["responses"]["200"]["content"][answer.headers.get_content_type()]["schema"]
        return Stream(connection.sock, answer, lambda event: self.validate(schema, event))

    def validate(self, schema, value):
        """Fails unless a value is as a schema of the document says."""
        # References start at the root of the document.
        schema = {**schema, "components": self.document["components"]}
        errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]
        assert not errors, errors

    def validate_as(self, name, value):
        """Fails unless a value is as this schema of the document says."""
        self.validate({"$ref": f"#/components/schemas/{name}"}, value)


class Stream:
    """The events of a stream. A thread reads them, so that there is a limit to waiting for one."""

    def __init__(self, connection, answer, validate):
        self.connection, self.answer, self.events = connection, answer, queue.Queue()
        self.thread = threading.Thread(target=self.read, args=[validate], daemon=True)
        self.thread.start()

    def read(self, validate):
        fields = {}
        try:
            for line in self.answer:
                line = line.decode().rstrip("\r\n")
                if line and not line.startswith(":"):
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif not line and fields:
                    validate(fields)
                    self.events.put(Event(fields["event"], fields["id"], json.loads(fields["data"])))
                    fields = {}
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.events.put(error)

    def next(self):
        try:
            event = self.events.get(timeout=LIMIT)
        except queue.Empty:
            raise TimeoutError(f"no event within {LIMIT} s") from None
        if isinstance(event, Exception):
            raise event
        return event

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.thread.join(LIMIT)
        self.answer.close()
        self.connection.close()
