// A bot of grammY: replies to what is written, by long polling and by webhook, with text and files.
import http from "node:http";
import { Bot, GrammyError, InputFile, webhookCallback } from "grammy";

const { origin, token, chat, control } = JSON.parse(process.argv[2]);
const apiRoot = `${origin}/telegram`;
const result = { heard: [], errors: [] };

async function tell(path, body) {
  const answer = await fetch(origin + path, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}
const write = (text) => tell(`/phones/TELEGRAM/${chat}:write`, { to: control, text });

function makeBot(name, done) {
  const bot = new Bot(token, { client: { apiRoot } });
  bot.command("start", (context) => context.reply(`welcome ${context.match}`));
  bot.on("message:photo", async (context) => {
    const file = await context.getFile();
    const bytes = await fetch(`${apiRoot}/file/bot${token}/${file.file_path}`);
    result.photo = await bytes.text();
    await context.reply("seen");
  });
  bot.on("message:text", async (context) => {
    result.heard.push(`${name}: ${context.message.text}`);
    await context.reply(`${name} heard ${context.message.text}`);
    if (context.message.text === "last") done();
  });
  bot.catch((error) => { throw error; });
  return bot;
}

// Long polling.
let finished;
const polled = new Promise((resolve) => { finished = resolve; });
const bot = makeBot("poll", () => finished());
await write("/start abc");
const running = bot.start({ onStart: (me) => { result.me = me.username; } });
await write("hello");
await tell(`/phones/TELEGRAM/${chat}:write`, {
  to: control, media: { kind: "IMAGE", data: Buffer.from("pixels").toString("base64"), caption: "look" } });
await write("last");
await polled;
await bot.stop();
await running;

// Sending files and places.
const sent = await bot.api.sendPhoto(chat, new InputFile(Buffer.from("png bytes"), "a.png"), { caption: "a picture" });
result.sizes = sent.photo.length;
await bot.api.sendPhoto(chat, sent.photo.at(-1).file_id, { caption: "the same again" });
await bot.api.sendDocument(chat, new InputFile(Buffer.from("a text"), "a.txt"));
await bot.api.sendLocation(chat, 48.2, 16.37);
await bot.api.sendMediaGroup(chat, [
  { type: "photo", media: new InputFile(Buffer.from("one"), "1.png") },
  { type: "photo", media: new InputFile(Buffer.from("two"), "2.png") }]);

// What Telegram refuses comes as grammY's own error.
for (const [to, text] of [[chat, ""], [chat, "x".repeat(4097)], [1, "nobody"]]) {
  try {
    await bot.api.sendMessage(to, text);
  } catch (error) {
    if (!(error instanceof GrammyError)) throw error;
    result.errors.push([error.error_code, error.description]);
  }
}

// Webhook: grammY itself checks the secret.
let hooked;
const called = new Promise((resolve) => { hooked = resolve; });
const second = makeBot("hook", () => hooked());
const server = http.createServer(webhookCallback(second, "http", { secretToken: "s_1" }));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
await second.api.setWebhook(`http://127.0.0.1:${server.address().port}/`, { secret_token: "s_1" });
await write("again");
await write("last");
await called;
result.webhook = (await second.api.getWebhookInfo()).url !== "";
await second.api.deleteWebhook();
server.close();
server.closeAllConnections();

console.log(JSON.stringify(result));
