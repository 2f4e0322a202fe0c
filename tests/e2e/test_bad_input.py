"""Nonsense to every route of the served contract: refused with the field named, never a 5xx, and nothing has changed."""

import difflib
import functools

import pytest

from harness.contract import id_prefix
from harness.simulator import Simulator
from harness.world import BODIES, World


@pytest.fixture(scope="module")
def accounts(product):
    simulator = Simulator()
    yield World(product, simulator)
    simulator.close()


@pytest.fixture
def world(accounts):
    """The world; after the test there may be no complaint, and nothing in it may have changed."""
    accounts.complaints.clear()
    everything = (accounts.mine, accounts.foreign)
    before = [objects.picture() for objects in everything]
    number = len(accounts.operator.all("/v1/accounts", "accounts"))
    yield accounts
    assert not accounts.complaints, f"{len(accounts.complaints)} faults:\n" + "\n".join(accounts.complaints[:60])
    for objects, then in zip(everything, before):
        changes = difflib.unified_diff(then.splitlines(), objects.picture().splitlines(), lineterm="", n=2)
        assert not (changed := list(changes)), "a refused request has changed something:\n" + "\n".join(changed)
    assert len(accounts.operator.all("/v1/accounts", "accounts")) == number


def writes(world):
    return [operation for operation in world.operations if operation.body]


def wrong_values(schema):
    """Values that are none of this schema's type."""
    if "enum" in schema:
        return ["NO_SUCH_VALUE", {}, True]
    kind = schema.get("type")
    if kind == "string" and schema.get("format") == "int64":
        return ["a lot", "", {}, True, 1.5, 2**63]
    if kind == "string" and schema.get("format") == "date-time":
        return ["yesterday", 7, {}, "2026-02-30T00:00:00Z"]
    return {"string": [7, ["x"], {}, True], "integer": ["a lot", 1.5, True, {}, 2**31], "boolean": ["yes", 1, {}],
            "number": ["x", {}, True], "array": ["x", {}, 7], "object": ["x", [], 7]}[kind]


def texts(operation):
    """Fields that hold text: (path, schema of the text, how a value is put there)."""
    for path, schema in operation.fields():
        kind = schema.get("type")
        if kind == "string" and "enum" not in schema and schema.get("format") not in ("int64", "date-time", "byte"):
            yield path, schema, lambda value: value
        elif kind == "array" and schema["items"].get("type") == "string" and "enum" not in schema["items"]:
            yield path, schema["items"], lambda value: [value]
        elif kind == "object" and "additionalProperties" in schema:
            yield path, schema["additionalProperties"], lambda value: {"key": value}


def test_bodies_are_valid(world):
    """The bodies above are what the routes take, else the tests below would prove nothing."""
    routes = [repr(operation) for operation in world.operations]
    assert not set(BODIES) - set(routes)
    for operation in writes(world):
        for name in operation.body.get("required", []):
            if "{" + name + "}" not in operation.path:
                assert name in BODIES.get(repr(operation), {}), f"{operation} needs {name}"


def test_malformed_json(world):
    for operation in writes(world):
        for what, body in {"cut off": b'{"display_name": "x', "no JSON": b"hello", "trailing": b"{} {}", "NUL": b"{}\x00",
                           "not UTF-8": b'{"display_name": "\xff"}', "list": b"[]", "text": b'"x"', "number": b"7",
                           "null": b"null", "twice": b'{"display_name": "a", "display_name": "b"}',
                           "deep": b'{"a":' * 2000 + b"1" + b"}" * 2000}.items():
            world.send(operation, what, body=body)


def test_wrong_types(world):
    for operation in writes(world):
        for path, schema in operation.fields():
            for value in wrong_values(schema):
                world.send(operation, f"{path} = {value!r}", ".".join(path), body=world.body_with(operation, path, value))
            if schema.get("type") == "array":
                for value in wrong_values(schema["items"]):
                    world.send(operation, f"{path} = [{value!r}]", ".".join(path) + "[0]",
                               body=world.body_with(operation, path, [value]))


def test_unknown_fields(world):
    for operation in writes(world):
        world.send(operation, "unknown field", "no_such_field", body={**world.body(operation), "no_such_field": 1})
        for path, schema in operation.fields():
            if schema.get("type") == "object" and "properties" in schema:
                world.send(operation, f"unknown field in {path}", ".".join(path) + ".no_such_field",
                           body=world.body_with(operation, path, {"no_such_field": "x"}))


def test_unknown_query_parameters(world):
    for operation in world.operations:
        world.send(operation, "unknown parameter", "no_such", no_such="1")


def test_wrong_query_parameters(world):
    wrong = {"integer": ["x", "1.5", "-1", str(2**31)], "boolean": ["maybe"], "string": ["%00", "x" * 1001]}
    for operation in world.operations:
        for parameter in operation.query_parameters:
            name, schema = parameter["name"], world.contract.resolve(parameter["schema"])
            values = wrong[schema["type"]] if "enum" not in schema else ["NO_SUCH_VALUE"]
            if schema.get("format") == "date-time":
                values = ["yesterday"]
            if "maximum" in schema:
                values = [*values, str(schema["maximum"] + 1)]
            for value in values:
                path = f"{world.path(operation)}?{name}={value}"
                world.send(operation, f"{name} = {value[:20]}", name, path=path)
            if name == "page_token":
                world.send(operation, "a made-up page token", name, page_token="abcdef")


def test_too_long(world):
    for operation in writes(world):
        for path, schema, put in texts(operation):
            limit = schema.get("maxLength", 1000)
            if limit < 500_000:
                world.send(operation, f"{path}: {limit + 1} bytes", ".".join(path),
                           body=world.body_with(operation, path, put("x" * (limit + 1))))
        for path, schema in operation.fields():
            if schema.get("type") == "array":
                items = [world.mine.ids.get(id_prefix(schema), "x")] * (schema["maxItems"] + 1)
                world.send(operation, f"{path}: {len(items)} items", ".".join(path),
                           body=world.body_with(operation, path, items))


def test_nul(world):
    for operation in writes(world):
        for path, _, put in texts(operation):
            world.send(operation, f"NUL in {path}", ".".join(path), body=world.body_with(operation, path, put("a\x00b")))


def test_missing(world):
    for operation in writes(world):
        for name in operation.body.get("required", []):
            body = world.body(operation)
            if name in body:
                del body[name]
                world.send(operation, f"{name} is missing", name, body=body)


def test_bad_ids(world):
    """An id of another kind, or none at all, in the path and in every field of a body."""
    for operation in world.operations:
        for parameter in operation.path_parameters:
            prefix = id_prefix(parameter["schema"])
            if prefix is None:
                continue
            name = parameter["name"]
            other = world.mine.ids["con" if prefix != "con" else "chn"]
            for value in (other, "x", prefix + "_", world.mine.ids[prefix] + "0", world.mine.ids[prefix].upper(), "%00", "x" * 2000):
                world.send(operation, f"{name} = {value[:30]}", name, path=world.path(operation, **{name: value}))
        for path, schema in operation.fields():
            prefix = id_prefix(schema)
            if prefix is not None:
                value = world.mine.ids["con" if prefix != "con" else "chn"]
                world.send(operation, f"{path} = {value}", ".".join(path),
                           body=world.body_with(operation, path, [value] if schema.get("type") == "array" else value))


def test_foreign_ids(world):
    """Objects that another account really has are nowhere to be found, whatever is tried with them."""
    for operation in world.operations:
        for parameter in operation.path_parameters:
            name, prefix = parameter["name"], id_prefix(parameter["schema"])
            if prefix is not None:
                path = world.path(operation, **{name: world.foreign.ids[prefix]})
                world.send(operation, f"foreign {name}", path=path, statuses=[404])
        for path, schema in operation.fields():
            prefix = id_prefix(schema)
            if prefix is None:
                continue
            if operation.method == "POST" and path == ("id",):
                continue  # what is created gets its id from the server, whatever is asked for
            value = world.foreign.ids[prefix]
            body = world.body_with(operation, path, [value] if schema.get("type") == "array" else value)
            if path[-1] == "media_id":
                parent = functools.reduce(dict.get, path[:-1], body)
                parent["kind"] = "MEDIA_KIND_IMAGE"
            if "message_template" in path:
                around = functools.reduce(dict.get, path[:path.index("message_template") + 1], body)
                around.update(name="sale", language="de")
            world.send(operation, f"foreign {path}", ".".join(path), body=body)


def test_foreign_ids_in_filters(world):
    """A list filtered by a foreign id finds nothing, or refuses it."""
    for operation in world.operations:
        for parameter in operation.query_parameters:
            prefix = id_prefix(parameter["schema"])
            if prefix is not None:
                answer = world.mine.api.ask("GET", world.path(operation), **{parameter["name"]: world.foreign.ids[prefix]})
                if answer.content_type.startswith("text/csv"):
                    found = answer.body.decode().splitlines()[1:]
                else:
                    found = [one for one in answer.json().values() if isinstance(one, list) and one] if answer.status == 200 else []
                assert answer.status < 500 and not found, f"{operation}: {answer}"


def test_without_key(world):
    for operation in world.contract.operations:
        for what, headers in {"no key": {}, "wrong key": {"Authorization": "Bearer mo_live_0000000000000000000000000000"},
                              "no bearer": {"Authorization": "Basic eDp4"}, "junk": {"Authorization": "Bearer \xff \x01"}}.items():
            answer = world.anonymous.ask(operation.method, world.path(operation), world.body(operation) if operation.body else None,
                                         headers)
            expected = (400, 401) if what == "junk" else (401,)
            assert answer.status in expected, f"{operation}: {what}: {answer}"
            answer.problem()
            assert answer.status == 400 or answer.headers.get("WWW-Authenticate"), f"{operation}: {what}: {answer}"


def test_without_scope(product, accounts):
    """Every route with a key that holds another scope; an account's own "*" is not the operator's."""
    keys = {}
    for scope in ("links:read", "settings:read"):
        secret = accounts.mine.api.post("/v1/api-keys", {"display_name": scope, "scopes": [scope]})["secret"]
        keys[scope] = product.client(secret)
    for operation in accounts.contract.operations:
        clients = [keys["settings:read" if operation.scope == "links:read" else "links:read"]]
        if operation.scope == "operator":
            clients.append(accounts.mine.api)
        for client in clients:
            answer = client.ask(operation.method, accounts.path(operation), accounts.body(operation) if operation.body else None)
            assert answer.status == 403, f"{operation}: {answer}"
            problem = answer.problem()
            assert problem["reason"] == "SCOPE_MISSING" and operation.scope in problem["detail"], f"{operation}: {answer}"
