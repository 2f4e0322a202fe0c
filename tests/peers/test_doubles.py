"""Published clients of providers against the simulator's doubles of these: what the clients' authors found out about the
providers holds for the doubles."""


def test_grammy(npm, simulator):
    grammy = npm("grammy@1.46.0")
    token, chat, bot = "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1", 4711, "@news_bot"
    simulator.post("/doubles", {"driver": "telegram", "address": bot, "token": token,
                                "limits": {"pair_interval_ms": 0}})
    simulator.post("/phones", {"network": "TELEGRAM", "address": str(chat), "name": "Anna"})

    result = grammy.run("grammy.mjs", origin=simulator.origin, token=token, chat=chat, control=bot)

    assert result["me"] == "news_bot"
    assert result["heard"] == ["poll: hello", "poll: last", "hook: again", "hook: last"]
    assert result["photo"] == "pixels"
    assert result["sizes"] > 1
    assert result["webhook"] is True
    assert result["errors"] == [[400, "Bad Request: message text is empty"], [400, "Bad Request: message is too long"],
                                [400, "Bad Request: chat not found"]]
    phone = simulator.get(f"/phones/TELEGRAM/{chat}")
    texts = [message["text"] for message in phone["messages"]]
    assert texts[:4] == ["welcome abc", "poll heard hello", "seen", "poll heard last"]
    assert texts[4:6] == ["a picture", "the same again"]
    assert texts[-2:] == ["hook heard again", "hook heard last"]
    assert phone["distinct"] == 12 and phone["duplicates"] == 0


def test_whatsapp_client(npm, simulator):
    client = npm("@whatsapp-cloudapi/client@4.2.0")
    number, sim = "+43664100", "+4315550"
    simulator.post("/doubles", {"driver": "whatsapp_cloud", "address": sim, "sender_id": "1065", "token": "EAAB",
                                "app_secret": "secret", "verify_token": "verify",
                                "templates": [{"name": "hello_world", "language": "en_US"}]})
    simulator.post("/phones", {"network": "WHATSAPP", "address": number, "name": "Anna"})

    result = client.run("whatsapp.mjs", origin=simulator.origin, accessToken="EAAB", to=number, control=sim,
                        secret="secret", verifyToken="verify", **{"from": "1065"})

    assert result["heard"][0][1] == "Grüße 👍"
    assert result["read"] == {"success": True}
    assert len(set(result["ids"])) == 6 and all(identity.startswith("wamid.") for identity in result["ids"])
    for key in range(1, 7):
        assert sorted(result["statuses"][f"key-{key}"]) == ["delivered", "read", "sent"]
    assert result["errors"] == [100, 131026, 190, 132001, 131009]
    phone = simulator.get(f"/phones/WHATSAPP/{number.replace('+', '%2B')}")
    assert phone["distinct"] == 6 and phone["duplicates"] == 0
    assert {message["text"] for message in phone["messages"]} == {"plain", "a picture", "hello_world en_US:", "buttons",
                                                                  "list", "link"}
