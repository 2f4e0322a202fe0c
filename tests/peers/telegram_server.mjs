// The server of telegram-test-api with one of its clients. Commands come in on stdin, a line of JSON each, and are answered by
// a line.
import readline from "node:readline";
import telegram from "telegram-test-api";

const { port, token, chat, name } = JSON.parse(process.argv[2]);
const Server = telegram.TelegramServer ?? telegram.default ?? telegram;
const server = new Server({ port, host: "127.0.0.1" });
await server.start();
const client = server.getClient(token, { userId: chat, chatId: chat, firstName: name, timeout: 20000, interval: 20 });

const commands = {
  write: ({ words }) => client.sendMessage(client.makeMessage(words)),
  command: ({ words }) => client.sendCommand(client.makeCommand(words)),
  // What the bot has said and nobody has read yet; waits for something.
  read: async () => (await client.getUpdates()).result.map(({ message }) => message),
  history: async () => (await client.getUpdatesHistory()).length,
};
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  console.log(JSON.stringify(await commands[command](rest) ?? null));
}
process.exit(0);
