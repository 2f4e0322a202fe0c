"""What operators and developers see: health, metrics, the OpenAPI document, the documentation page."""

import re
import urllib.request

from harness import newsroom
from harness.contract import Contract
from harness.deployment import SERVICES
from harness.wait import wait_for


def test_health(product):
    client = product.client(None)
    assert client.ask("GET", "/healthz").status == 200
    ready = client.get("/readyz")
    assert ready == {"ready": True, "not_serving": []}


def test_not_ready_without_a_service(deploy):
    """A service that is gone is named, answers 503, and is back without anybody else's restart."""
    deployment = deploy("separate")
    api = deployment.create_account("Half")
    deployment.kill("links")
    client = deployment.client(None)
    answer = wait_for(lambda: (ready := client.ask("GET", "/readyz")).status == 503 and ready, "readyz to notice")
    assert any(".links." in name for name in answer.json()["not_serving"]), answer
    assert client.ask("GET", "/healthz").status == 200
    refused = api.ask("GET", "/v1/links")
    assert refused.status == 503 and refused.headers["Retry-After"], refused
    assert "127.0.0.1" not in refused.problem()["detail"]
    assert api.get("/v1/channels")["channels"] == [], "the others go on"
    deployment.start("links")
    deployment.wait_ready()
    assert api.get("/v1/links")["links"] == []


def metrics(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        return response.read().decode()


def test_metrics(deploy):
    """Every service tells how often it was called, and how; edge how long REST took."""
    deployment = deploy("separate")
    api = deployment.create_account("Metrics")
    channel = newsroom.create_channel(api)
    api.post("/v1/sims", {"network": "NETWORK_WHATSAPP", "address": "+4930600", "capacity": 1})
    newsroom.register(api, "+491706000001")
    for path in ("/v1/links", "/v1/statistics/traffic", "/v1/conversations", "/v1/stop-words", "/v1/contacts:count",
                 f"/v1/channels/{channel}"):
        api.get(path)
    api.ask("GET", "/v1/media/med_0000000000000")
    pages = {name: metrics(port) for name, port in deployment.metrics_ports.items()}
    for name in SERVICES:
        if name == "edge":
            assert re.search(r'mo_http_requests_total\{.*route="/v1/links".*status="200".*\} [1-9]', pages[name]), pages[name]
            assert "mo_http_request_duration_seconds_bucket" in pages[name]
            continue
        assert re.search(rf'mo_rpc_duration_seconds_count\{{.*method=.*\}} [1-9]', pages[name]), f"{name}: {pages[name][:3000]}"
        assert "mo_rpc_requests_total" in pages[name], f"{name}: {pages[name][:3000]}"
        assert "mo_db_connections_in_use" in pages[name], name
    assert api.key not in "".join(pages.values()) and "+4917" not in "".join(pages.values())


def test_openapi_document(product):
    answer = product.client(None).ask("GET", "/v1/openapi.json")
    assert answer.content_type == "application/json"
    document = answer.json()
    assert document["openapi"].startswith("3.1.") and document["info"]["title"] and document["info"]["version"]
    assert document["servers"][0]["url"] in (product.url, "/")
    contract = Contract(document)
    check_references(document, contract)
    operation_ids = []
    for path, methods in document["paths"].items():
        assert path.startswith("/v1/")
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert method in ("get", "post", "put", "patch", "delete"), where
            operation_ids.append(operation["operationId"])
            assert operation["summary"] and operation["description"] and operation["tags"], where
            assert any(status.startswith("2") for status in operation["responses"]), where
            parameters = [contract.resolve(parameter) for parameter in operation.get("parameters", [])]
            for parameter in parameters:
                assert parameter["in"] in ("path", "query", "header") and "schema" in parameter, where
                assert parameter["in"] != "path" or parameter["required"] is True, where
            names = [(parameter["in"], parameter["name"]) for parameter in parameters]
            assert len(names) == len(set(names)), where
            assert {name for place, name in names if place == "path"} == set(re.findall(r"\{(.*?)\}", path)), where
    assert len(operation_ids) == len(set(operation_ids))
    assert {tag for methods in document["paths"].values() for operation in methods.values() for tag in operation["tags"]} \
        <= {tag["name"] for tag in document["tags"]}
    for name, schema in document["components"]["schemas"].items():
        for field in schema.get("required", []):
            assert field in schema["properties"], f"{name}.{field}"


def check_references(node, contract, where="#"):
    """Every $ref leads somewhere, every type is one of JSON Schema's."""
    if isinstance(node, list):
        for number, one in enumerate(node):
            check_references(one, contract, f"{where}/{number}")
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            contract.resolve(node)
        if isinstance(node.get("type"), str) and "properties" not in where.rsplit("/", 1)[-1:]:
            assert node["type"] in ("object", "string", "integer", "number", "boolean", "array", "null", "http"), where
            assert node["type"] != "array" or "items" in node, where
        for name, one in node.items():
            check_references(one, contract, f"{where}/{name}")


def test_docs_page_is_self_contained(product):
    client = product.client(None)
    redirect = client.ask("GET", "/")
    assert redirect.status == 302 and redirect.headers["Location"] == "/docs"
    page = client.ask("GET", "/docs")
    assert page.status == 200 and page.content_type.startswith("text/html")
    html = page.body.decode()
    assert "openapi.json" in html
    loaded = re.findall(r"""(?:src|href|action)\s*=\s*["']?([^"'\s>]+)|url\(([^)]+)\)|@import\s+(\S+)|fetch\(["'`]([^"'`]+)""", html)
    urls = [url for found in loaded for url in found if url]
    assert urls and not [url for url in urls if re.match(r"(https?:)?//", url)], urls
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy
