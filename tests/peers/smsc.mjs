// An SMS centre of npm's smpp: takes what is submitted, gives the receipts that are asked for, hands in what people write.
// Commands come in on stdin, a line of JSON each, and are answered by a line.
import readline from "node:readline";
import smpp from "smpp";

const { port, refuse } = JSON.parse(process.argv[2]);
const submitted = [];
let session = null;

const wordsOf = (pdu) => {
  const bytes = pdu.short_message.message;
  if (typeof bytes === "string") return bytes;
  return pdu.data_coding === 8 ? Buffer.from(bytes).swap16().toString("utf16le") : bytes.toString("latin1");
};

function stamp() {
  return new Date().toISOString().replace(/\D/g, "").slice(2, 12);
}

function receipt(pdu, id) {
  const date = stamp();
  session.deliver_sm({
    source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:${date} done date:${date} stat:DELIVRD err:000 text:`,
    receipted_message_id: id, message_state: 2,
  });
}

const server = smpp.createServer({}, (connected) => {
  connected.on("error", () => {});
  connected.on("bind_transceiver", (pdu) => {
    session = connected;
    connected.send(pdu.response({ system_id: "smsc" }));
  });
  connected.on("enquire_link", (pdu) => connected.send(pdu.response()));
  connected.on("unbind", (pdu) => { connected.send(pdu.response()); connected.close(); });
  connected.on("submit_sm", (pdu) => {
    if (pdu.destination_addr.endsWith(refuse)) {
      return connected.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
    }
    const id = `smsc-${submitted.length + 1}`;
    submitted.push({
      to: pdu.destination_addr, from: pdu.source_addr, words: wordsOf(pdu), coding: pdu.data_coding,
      // Of how many parts it is the how manieth.
      part: pdu.short_message.udh ? [...pdu.short_message.udh[0]].slice(-2) : null,
    });
    connected.send(pdu.response({ message_id: id }));
    if (pdu.registered_delivery & 1) receipt(pdu, id);
  });
});
server.listen(port, "127.0.0.1");

const commands = {
  bound: () => session !== null,
  submitted: () => submitted,
  write: ({ from, to, words, coding }) => new Promise((resolve) => {
    session.deliver_sm({
      source_addr: from, source_addr_ton: 1, source_addr_npi: 1, destination_addr: to, data_coding: coding, short_message: words,
    }, (answer) => resolve(answer.command_status));
  }),
};
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  console.log(JSON.stringify(await commands[command](rest)));
}
process.exit(0);
