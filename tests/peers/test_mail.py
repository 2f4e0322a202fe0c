"""Mails of rules, read by a published SMTP server."""

import base64
import subprocess

import pytest
from harness.deployment import Deployment, free_port
from harness.objects import PNG
from harness.providers import WhatsAppCloud
from harness.wait import wait_for


@pytest.fixture(params=["none", "implicit"])
def mail_server(request, npm, tmp_path):
    """A maildev that wants a log-in; over TLS with a certificate of its own, where that is the parameter."""
    port, settings = free_port(), {}
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    if request.param == "implicit":
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        settings = {"cert": str(cert), "key": str(key)}
    with npm("maildev@2.2.1").start("maildev.mjs", port=port, user="desk", password="geheim", **settings) as server:
        server.flags = (f"--smtp_port={port}", f"--smtp_tls={request.param}", f"--smtp_ca_file={cert if settings else ''}")
        yield server


def test_a_dialog_by_mail(postgres, mail_server, simulator, tmp_path):
    """Two messages, one with a file, are two mails of one thread to two addresses."""
    password = tmp_path / "smtp.password"
    password.write_text("geheim\n")
    deployment = Deployment("all", postgres, flags=(
        "--smtp_host=localhost", *mail_server.flags, "--smtp_username=desk", f"--smtp_password_file={password}",
        "--mail_from=whatsapp@news.example"))
    try:
        api = deployment.create_account("Desk")
        api.call("PUT", "/v1/standard-answers/en", {"welcome_text": ""})
        sim = WhatsAppCloud(api, simulator)
        api.post("/v1/rules", {"display_name": "Mail", "trigger": "RULE_TRIGGER_ALWAYS", "actions": [{"mail": {
            "to": ["desk@news.example", "night@news.example"], "subject": "{{contact.name}} schreibt über „{{message|nichts}}“",
            "attach_media": True}}]})
        phone = sim.phone("Änne")
        phone.write(sim.address, "Grüße\n.\nEnde")
        wait_for(lambda: len(mail_server.ask("mails")) == 1, "the first mail")
        phone.send(sim.address, kind="IMAGE", data=base64.b64encode(PNG).decode(), mime_type="image/png", filename="Füße.png")
        first, second = wait_for(lambda: len(mails := mail_server.ask("mails")) == 2 and mails, "both mails")
        assert first["subject"] == "Änne schreibt über „Grüße . Ende“" and first["text"].rstrip() == "Grüße\n.\nEnde"
        assert first["to"] == ["desk@news.example", "night@news.example"] and first["from"] == ["whatsapp@news.example"]
        assert [(one["type"], one["size"]) for one in second["files"]] == [("image/png", len(PNG))]
        assert first["headers"]["message-id"] != second["headers"]["message-id"]
        assert first["headers"]["in-reply-to"] == second["headers"]["in-reply-to"]
        forwards = wait_for(lambda: len(found := api.get("/v1/forwards", state="FORWARD_STATE_DELIVERED")["forwards"]) == 2 and found,
                            "both noted")
        assert {f"<{one['id']}@news.example>" for one in forwards} == {
            mail["headers"]["message-id"] for mail in (first, second)}
    finally:
        deployment.close()
