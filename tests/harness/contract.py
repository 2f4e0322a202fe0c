"""The served OpenAPI document, as the tests walk through it."""

import re

ID_PATTERN = re.compile(r"^\^([a-z]{3})_")


class Operation:
    """One method of one path."""

    def __init__(self, document, method, path, description):
        self._document = document
        self.method = method.upper()
        self.path = path
        self.scope = description.get("x-required-scope", "")
        self.parameters = [document.resolve(parameter) for parameter in description.get("parameters", [])]
        content = description.get("requestBody", {}).get("content", {})
        self.body = document.resolve(content["application/json"]["schema"]) if content else None

    def __repr__(self):
        return f"{self.method} {self.path}"

    @property
    def path_parameters(self):
        return [parameter for parameter in self.parameters if parameter["in"] == "path"]

    @property
    def query_parameters(self):
        return [parameter for parameter in self.parameters if parameter["in"] == "query"]

    @property
    def writes(self):
        return self.method not in ("GET", "HEAD")

    def fields(self):
        """Every field of the body that a client may set, as (path, schema): "content.text.body"."""
        return list(self._walk(self.body, ())) if self.body else []

    def _walk(self, schema, path):
        for name, field in schema.get("properties", {}).items():
            if field.get("readOnly"):
                continue
            field = self._document.resolve(field)
            if "items" in field:
                field = {**field, "items": self._document.resolve(field["items"])}
            yield path + (name,), field
            if field.get("type") == "object" and "properties" in field:
                yield from self._walk(field, path + (name,))


class Contract:
    """The document."""

    def __init__(self, document):
        self.document = document
        self.operations = [Operation(self, method, path, description)
                           for path, methods in document["paths"].items() for method, description in methods.items()]

    def resolve(self, schema):
        """The schema that a $ref leads to."""
        while "$ref" in schema:
            target = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
        return schema


def id_prefix(schema):
    """"con" where the schema is that of a contact's id, else None."""
    if schema.get("type") == "array":
        schema = schema.get("items", {})
    found = ID_PATTERN.match(schema.get("pattern", ""))
    return found.group(1) if found else None


def set_at(body, path, value):
    """Puts a value into a nested body; makes what is missing on the way."""
    for name in path[:-1]:
        body = body.setdefault(name, {})
    body[path[-1]] = value
