// The SMTP server maildev. Commands come in on stdin, a line of JSON each, and are answered by a line.
import readline from "node:readline";
import MailDev from "maildev";

const { port, user, password, cert, key } = JSON.parse(process.argv[2]);
const server = new MailDev({ smtp: port, ip: "127.0.0.1", disableWeb: true, silent: true, incomingUser: user,
                             incomingPass: password, incomingSecure: Boolean(cert), incomingCert: cert, incomingKey: key });
await new Promise((resolve, reject) => server.listen((error) => (error ? reject(error) : resolve())));
const addresses = (list) => (list ?? []).map(({ address }) => address);
const shown = (mail) => ({
  subject: mail.subject, text: mail.text, to: addresses(mail.to), from: addresses(mail.from), headers: mail.headers,
  files: (mail.attachments ?? []).map((file) => ({ name: file.generatedFileName ?? file.fileName, type: file.contentType,
                                                   size: file.length })),
});
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { command } = JSON.parse(line);
  if (command !== "mails") throw new Error(`no such command: ${command}`);
  const mails = await new Promise((resolve, reject) =>
    server.getAllEmail((error, all) => (error ? reject(error) : resolve(all))));
  console.log(JSON.stringify(mails.map(shown)));
}
process.exit(0);
