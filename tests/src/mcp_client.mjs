// A program that connects an AI tool to Keystead with an official TypeScript SDK. The arguments are the SDK's package, the address,
// and the API key, if it has one; without a key it has itself let in by OAuth, as the client that describes itself at an address, if
// that is given instead. Each line of standard input is a call,
// `{"call": NAME, "with": {…}}`. On standard output each call is answered by a line with `result` or `error`, and `statuses`, those of the
// HTTP answers that came in meanwhile. Lines with `event` say what else happens.

import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";

const [sdk, address, proof] = process.argv.slice(1);
const document = proof?.startsWith("https://") ? proof : undefined;
const key = document ? undefined : proof;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
// What the SDKs remark is not for whoever reads the answers.
console.debug = console.log = console.error;
// Except about the schemas: the checker of a tool's answer says what it does not understand.
console.warn = (words) => (/\bschema\b/.test(words) ? say({ event: "schema", words }) : console.error(words));
const about = { name: "keystead-tests", version: "1.0.0" };
const capabilities = { elicitation: { form: {} } };

// What the two generations of the SDK call differently.
const generations = {
  "@modelcontextprotocol/sdk": async () => {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const { ElicitRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
    return {
      client: new Client(about, { capabilities }),
      Transport: StreamableHTTPClientTransport,
      elicitation: ElicitRequestSchema,
      redirected: (parameters) => parameters.get("code"),
    };
  },
  "@modelcontextprotocol/client": async () => {
    const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    return {
      client: new Client(about, { capabilities, versionNegotiation: { mode: "auto" } }),
      Transport: StreamableHTTPClientTransport,
      elicitation: "elicitation/create",
      redirected: (parameters) => parameters,
    };
  },
};
const { client, Transport, elicitation, redirected } = await generations[sdk]();

let statuses = [];
const options = {
  fetch: async (...request) => {
    const answer = await fetch(...request);
    statuses.push(answer.status);
    return answer;
  },
};

// The person's part of being let in: whoever reads the events opens the address in a browser, which comes back to `redirectUrl`.
class Visitor {
  saved = {};
  constructor(redirectUrl) {
    this.redirectUrl = redirectUrl;
    this.clientMetadataUrl = document;
    this.clientMetadata = { client_name: "Test tool", redirect_uris: [redirectUrl], token_endpoint_auth_method: "none" };
  }
  state() {
    return (this.saved.state = randomUUID());
  }
  clientInformation() {
    return this.saved.client;
  }
  saveClientInformation(client) {
    this.saved.client = client;
    say({ event: "registered" });
  }
  tokens() {
    return this.saved.tokens;
  }
  saveTokens(tokens) {
    this.saved.tokens = tokens;
    say({ event: "tokens", expires_in: tokens.expires_in, scope: tokens.scope, type: tokens.token_type });
  }
  codeVerifier() {
    return this.saved.verifier;
  }
  saveCodeVerifier(verifier) {
    this.saved.verifier = verifier;
  }
  discoveryState() {
    return this.saved.discovery;
  }
  saveDiscoveryState(discovery) {
    this.saved.discovery = discovery;
  }
  redirectToAuthorization(url) {
    say({ event: "authorize", url });
  }
  invalidateCredentials(what) {
    say({ event: "invalidated", what });
    if (what === "all" || what === "tokens") delete this.saved.tokens;
    if (what === "all" || what === "client") delete this.saved.client;
  }
}

let redirection;
if (key) {
  options.requestInit = { headers: { authorization: `Bearer ${key}` } };
} else {
  const listener = createServer().unref();
  await new Promise((listening) => listener.listen(0, "127.0.0.1", listening));
  options.authProvider = new Visitor(`http://127.0.0.1:${listener.address().port}/callback`);
  redirection = () =>
    new Promise((arrived) => {
      listener.once("request", (request, answer) => {
        answer.end("You may close this page.");
        arrived(new URL(request.url, options.authProvider.redirectUrl).searchParams);
      });
    });
}
const makeTransport = () => new Transport(new URL(address), options);

async function connect() {
  const transport = makeTransport();
  const back = redirection?.();
  try {
    await client.connect(transport);
  } catch (error) {
    if (!back || error.constructor.name !== "UnauthorizedError") throw error;
    const parameters = await back;
    if (parameters.get("state") !== options.authProvider.saved.state) throw new Error("another state");
    if (parameters.has("error")) throw new Error(parameters.get("error"));
    await transport.finishAuth(redirected(parameters));
    await client.connect(makeTransport());
  }
  return {
    // The older SDK tells it to its transport alone.
    protocol: client.getNegotiatedProtocolVersion?.() ?? client.transport.protocolVersion,
    server: client.getServerVersion(),
    capabilities: client.getServerCapabilities(),
    instructions: client.getInstructions(),
  };
}

let elicited = [];
let reply = { action: "cancel" };
client.setRequestHandler(elicitation, ({ params }) => {
  elicited.push(params);
  return reply;
});

const calls = {
  connect,
  tools: () => client.listTools(),
  resources: (page) => client.listResources(page),
  templates: () => client.listResourceTemplates(),
  prompts: () => client.listPrompts(),
  read: (which) => client.readResource(which),
  prompt: (which) => client.getPrompt(which),
  async call({ reply: given, ...call }) {
    elicited = [];
    reply = given ?? { action: "cancel" };
    return { ...(await client.callTool(call)), elicited };
  },
  // Models call tools side by side.
  side_by_side: ({ calls }) => Promise.all(calls.map((call) => client.callTool(call))),
  async listen() {
    const heard = (notification) => say({ event: notification.method });
    client.setNotificationHandler("notifications/resources/list_changed", heard);
    const subscription = await client.listen({ resourcesListChanged: true });
    subscription.closed.then((how) => say({ event: "ended", how }));
    return subscription.honoredFilter;
  },
  // It learns from the server's answer that its token has run out.
  later: () => ({}),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, with: parameters } = JSON.parse(line);
  statuses = [];
  const answer = await Promise.resolve()
    .then(() => calls[call](parameters))
    .then(
      (result) => ({ result }),
      (error) => ({ error: { message: error.message, code: error.code } }),
    );
  say({ ...answer, statuses });
}
process.exit();
