// What @whatsapp-cloudapi/client can do, and a webhook as Meta's guide has it.
import crypto from "node:crypto";
import http from "node:http";
import * as whatsapp from "@whatsapp-cloudapi/client";

const { origin, accessToken, from, to, control, secret, verifyToken } = JSON.parse(process.argv[2]);
const baseUrl = `${origin}/whatsapp`;
const common = { accessToken, from, to, baseUrl };
const result = { ids: [], errors: [], statuses: {}, heard: [] };

async function tell(path, body) {
  const answer = await fetch(origin + path, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}

let changed = () => {};
const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (request.method === "GET") {
    const known = url.searchParams.get("hub.verify_token") === verifyToken;
    response.statusCode = known ? 200 : 403;
    return response.end(known ? url.searchParams.get("hub.challenge") : "");
  }
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const expected = `sha256=${crypto.createHmac("sha256", secret).update(body).digest("hex")}`;
    if (request.headers["x-hub-signature-256"] !== expected) throw new Error("wrong signature");
    for (const entry of JSON.parse(body).entry) {
      for (const { value } of entry.changes) {
        for (const status of value.statuses ?? []) {
          (result.statuses[status.biz_opaque_callback_data] ??= []).push(status.status);
        }
        for (const message of value.messages ?? []) result.heard.push([message.id, message.text?.body]);
      }
    }
    response.end();
    changed();
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const until = (condition) => new Promise((resolve) => {
  changed = () => { if (condition()) resolve(); };
  changed();
});
await tell(`/doubles/${encodeURIComponent(control)}:callback`, { url: `http://127.0.0.1:${server.address().port}/` });

// The customer writes first; the answer shows that it was read.
await tell(`/phones/WHATSAPP/${encodeURIComponent(to)}:write`, { to: control, text: "Grüße 👍" });
await until(() => result.heard.length === 1);
result.read = await whatsapp.markMessageRead({ ...common, messageId: result.heard[0][0], showTypingIndicator: true });

const media = await whatsapp.uploadMedia({ ...common, file: new File(["png bytes"], "a.png", { type: "image/png" }) });
const sends = [
  whatsapp.sendTextMessage({ ...common, text: "plain", previewUrl: true, bizOpaqueCallbackData: "key-1" }),
  whatsapp.sendImageMessage({ ...common, mediaId: media.id, caption: "a picture", bizOpaqueCallbackData: "key-2" }),
  whatsapp.sendTemplateMessage({ ...common, templateName: "hello_world", languageCode: "en_US", bizOpaqueCallbackData: "key-3" }),
  whatsapp.sendButtonsMessage({ ...common, bodyText: "buttons", headerText: "head", footerText: "foot",
    buttons: [{ id: "1", title: "Yes" }, { id: "2", title: "No" }], bizOpaqueCallbackData: "key-4" }),
  whatsapp.sendListMessage({ ...common, bodyText: "list", buttonText: "Choose",
    sections: [{ title: "One", rows: [{ id: "a", title: "A", description: "the first" }] }], bizOpaqueCallbackData: "key-5" }),
  whatsapp.sendCTAURLMessage({ ...common, bodyText: "link", buttonText: "Open", url: "https://example.com/x", bizOpaqueCallbackData: "key-6" }),
];
for (const answer of await Promise.all(sends)) result.ids.push(answer.messages[0].id);
await until(() => [1, 2, 3, 4, 5, 6].every((n) => result.statuses[`key-${n}`]?.length === 3));

for (const wrong of [
  () => whatsapp.sendTextMessage({ ...common, text: "x".repeat(4097) }),
  () => whatsapp.sendTextMessage({ ...common, to: "+4399999999", text: "nobody" }),
  () => whatsapp.sendTextMessage({ ...common, accessToken: "other", text: "x" }),
  () => whatsapp.sendTemplateMessage({ ...common, templateName: "unknown", languageCode: "de" }),
  () => whatsapp.sendImageMessage({ ...common, mediaId: "1" }),
]) {
  const error = await wrong().then(() => { throw new Error("was taken"); }, (thrown) => thrown);
  result.errors.push(JSON.parse(error.message.replace("WhatsApp API Error: ", "")).error.code);
}
server.close();
server.closeAllConnections();

console.log(JSON.stringify(result));
