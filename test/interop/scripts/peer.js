'use strict';
// A peer on node's tls module: one conversation, one JSON line at the end.
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const tls = require('node:tls');

const plan = JSON.parse(process.argv[2]);
const say = {};

function finish(error) {
  if (error && !say.error) say.error = `${error.code || ''} ${error.message}`.trim();
  process.stdout.write(JSON.stringify(say) + '\n', () => process.exit(say.error ? 1 : 0));
}

const options = {
  ca: readFileSync(plan.ca),
  allowHalfOpen: true,
  ...(plan.cert && { cert: readFileSync(plan.cert), key: readFileSync(plan.key) }),
  ...(plan.version && { minVersion: `TLSv${plan.version}`, maxVersion: `TLSv${plan.version}` }),
  ...(plan.group && { ecdhCurve: plan.group }),
  ...(plan.alpn && { ALPNProtocols: [plan.alpn] }),
};

// converse is the conversation on a socket that has shaken hands.
function converse(socket, done) {
  Object.assign(say, {
    protocol: socket.getProtocol(), cipher: socket.getCipher().name, alpn: socket.alpnProtocol || '',
    group: (!plan.server && socket.getEphemeralKeyInfo().name) || '', resumed: socket.isSessionReused(),
  });
  const parts = [];
  let length = 0, answered = false;
  socket.on('data', (part) => {
    parts.push(part);
    length += part.length;
    if (length < plan.bytes || answered) return;
    answered = true;
    if (plan.server) socket.write(Buffer.concat(parts));
    if (plan.first) socket.end();
  });
  socket.on('end', () => { say.end = 'end'; if (!plan.first) socket.end(); });
  socket.on('close', () => {
    const got = Buffer.concat(parts);
    say.in = { n: length, hash: length ? createHash('sha256').update(got).digest('hex').slice(0, 16) : '' };
    done();
  });
  if (!plan.server) socket.write(readFileSync(plan.request));
}

function connect(round, session) {
  let kept = session;
  const socket = tls.connect({
    ...options, host: '127.0.0.1', port: plan.port, session,
    servername: plan.name, ...(!plan.name && { checkServerIdentity: () => undefined }),
  });
  socket.on('session', (s) => { kept = s; });
  socket.on('error', (e) => { say.error = `${e.code || ''} ${e.message}`.trim(); });
  socket.on('close', () => { if (say.error) finish(); });
  socket.on('secureConnect', () => converse(socket, () => (round < plan.rounds ? connect(round + 1, kept) : finish())));
}

if (plan.server) {
  const server = tls.createServer({ ...options, requestCert: plan.asks, rejectUnauthorized: plan.insists });
  server.on('tlsClientError', finish);
  server.on('secureConnection', (socket) => {
    server.close();
    if (plan.asks && !socket.authorized && socket.getPeerCertificate().raw) return finish(socket.authorizationError);
    socket.on('error', (e) => { say.error = `${e.code || ''} ${e.message}`.trim(); });
    converse(socket, finish);
  });
  server.listen(plan.port, '127.0.0.1');
} else {
  connect(1);
}
