/** The same small product on each framework, with real sockets where the framework has them. */

import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { getRequestListener } from "@hono/node-server";
import express from "express";
import express4 from "express4";
import { Hono } from "hono";

import type { Caller, Keystead } from "@keystead/client";
import { callerOf, guards as expressGuards } from "@keystead/client/express";
import { guards as honoGuards } from "@keystead/client/hono";
import { guards as nextGuards } from "@keystead/client/next";

export interface Answer {
  status: number;
  headers: Headers;
  body: string;
}

/** A product with `/me` for any caller, `/reports` and `/reports/:id` for who may read them, and `/broken/:id`. */
export interface Product {
  name: string;
  /** Sends a request with each of these `Authorization` headers. */
  get(path: string, ...authorization: string[]): Promise<Answer>;
  /** How often a handler has run. */
  runs(): number;
  close(): Promise<void>;
}

/** What the handlers answer. */
function seen(caller: Caller) {
  const { may, ...known } = caller;
  return { ...known, mayRead: may("reports:read") };
}

/** Fails as a mistake of the product's would. */
function broken(): never {
  throw new Error("which resource?");
}

export async function products(keystead: Keystead): Promise<Product[]> {
  return [
    await served("Express 5", (run) => expressProduct(express, keystead, run)),
    await served("Express 4", (run) => expressProduct(express4 as unknown as typeof express, keystead, run)),
    await served("Hono", (run) => getRequestListener(honoProduct(keystead, run).fetch)),
    nextProduct(keystead),
  ];
}

type Run = () => void;

function expressProduct(make: typeof express, keystead: Keystead, run: Run) {
  const { requireCaller, requirePermission } = expressGuards(keystead);
  const app = make();
  // Express prints what goes wrong otherwise.
  app.set("env", "test");
  const handler = (request: express.Request, response: express.Response) => {
    run();
    response.json(seen(callerOf(request)));
  };
  app.get("/me", requireCaller(), handler);
  app.get("/reports", requirePermission("reports:read"), handler);
  app.get("/reports/:id", requirePermission("reports:read", { resource: (request) => request.params.id }), handler);
  app.get("/broken/:id", requirePermission("reports:read", { resource: broken }), handler);
  return app;
}

function honoProduct(keystead: Keystead, run: Run) {
  const { requireCaller, requirePermission } = honoGuards(keystead);
  const app = new Hono();
  const onRead = requirePermission("reports:read", { resource: (c) => c.req.param("id") });
  app.onError(() => new Response(null, { status: 500 }));
  app.get("/me", requireCaller(), (c) => (run(), c.json(seen(c.var.caller))));
  app.get("/reports", requirePermission("reports:read"), (c) => (run(), c.json(seen(c.var.caller))));
  app.get("/reports/:id", onRead, (c) => (run(), c.json(seen(c.var.caller))));
  app.get("/broken/:id", requirePermission("reports:read", { resource: broken }), (c) => (run(), c.text("never")));
  return app;
}

/** Next.js's own names for these: https://nextjs.org/docs/app/api-reference/file-conventions/route. */
class NextRequest extends Request {
  readonly nextUrl = new URL(this.url);
}
interface RouteContext {
  params: Promise<{ id: string }>;
}
type NextRoute = (request: NextRequest, context: RouteContext) => Promise<Response>;

/** Next.js calls what a `route.ts` exports with a `Request`, and sends the `Response`: so does this. */
function nextProduct(keystead: Keystead): Product {
  const { requireCaller, requirePermission } = nextGuards(keystead);
  let runs = 0;
  const handler = (_request: NextRequest, _context: RouteContext, caller: Caller) => {
    runs += 1;
    return Response.json(seen(caller));
  };
  const routes: Record<string, NextRoute> = {
    me: requireCaller(handler),
    reports: requirePermission("reports:read", handler),
    "reports/": requirePermission("reports:read", handler, {
      resource: async (_request, { params }) => (await params).id,
    }),
    "broken/": requirePermission("reports:read", handler, { resource: broken }),
  };
  return {
    name: "Next.js",
    async get(path, ...authorization) {
      const headers = new Headers();
      for (const value of authorization) headers.append("authorization", value);
      const [, route = "", id = ""] = /^\/([a-z]+\/?)(.*)$/.exec(path) ?? [];
      const params = Promise.resolve({ id: decodeURIComponent(id) });
      try {
        const request = new NextRequest(`http://product.invalid${path}`, { headers });
        const answer = await routes[route]!(request, { params });
        return { status: answer.status, headers: answer.headers, body: await answer.text() };
      } catch {
        // What Next.js makes of it.
        return { status: 500, headers: new Headers(), body: "" };
      }
    },
    runs: () => runs,
    close: async () => {},
  };
}

async function served(name: string, make: (run: Run) => Parameters<typeof createServer>[1]): Promise<Product> {
  let runs = 0;
  const server: Server = createServer(make(() => (runs += 1)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    name,
    get: (path, ...authorization) => send(port, path, authorization),
    runs: () => runs,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Unlike `fetch`, sends a header twice. */
async function send(port: number, path: string, authorization: string[]): Promise<Answer> {
  const headers = ["host", `127.0.0.1:${port}`, ...authorization.flatMap((value) => ["authorization", value])];
  const request = httpRequest({ host: "127.0.0.1", port, path, headers: headers as never, agent: false });
  request.end();
  const [answer] = await once(request, "response");
  let body = "";
  for await (const part of answer.setEncoding("utf8")) body += part;
  const received = new Headers();
  for (const [header, value] of Object.entries(answer.headers)) received.set(header, String(value));
  return { status: answer.statusCode, headers: received, body };
}
