/** The real `keystead`, started on a copy of the store that the workspace's tests have made: see tests/tests/clients/. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const BINARY = needed("KEYSTEAD_TEST_BINARY");
const FIXTURE = needed("KEYSTEAD_TEST_FIXTURE");

/** An API key that the store has. */
export interface Key {
  id: string;
  token: string;
  /** Who created it. */
  user: { id: string; email: string };
}

/** The keys: of whom, or in which state. */
export interface Keys {
  administrator: Key;
  /** May read reports. */
  analyst: Key;
  /** May read `report-17` only. */
  limited: Key;
  /** May do nothing, and has an address that is not ASCII. */
  nobody: Key;
  expired: Key;
  /** An impersonation key. */
  impersonator: Key;
}

export const keys: Keys = JSON.parse(await readFile(join(FIXTURE, "keys.json"), "utf8"));

function needed(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: these tests are run by \`cargo xtask test --only tests\``);
  return value;
}

export class RealKeystead {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(): Promise<RealKeystead> {
    const folder = await mkdtemp(join(tmpdir(), "keystead-client-"));
    await cp(join(FIXTURE, "store"), folder, { recursive: true });
    const options = ["serve", "--data-dir", folder, "--listen", "127.0.0.1:0", "--impersonation"];
    const server = spawn(BINARY, options, { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface(server.stdout)) {
      const url = /^Keystead is listening on (.*)$/.exec(line)?.[1];
      if (url) return new RealKeystead(url, folder, server);
    }
    throw new Error("keystead has ended before it listened");
  }

  /** Revokes a key as an operator does; when it returns, the key is revoked. */
  async revoke(key: Key): Promise<void> {
    await promisify(execFile)(BINARY, ["key", "revoke", key.id, "--data-dir", this.folder]);
  }

  /** Mints a session for a user. */
  async session(email: string): Promise<string> {
    const answer = await fetch(`${this.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        query: "mutation($key: String!, $email: String!) { impersonateUser(accessToken: $key, userEmail: $email) }",
        variables: { key: keys.impersonator.token, email },
      }),
    });
    const { data } = (await answer.json()) as { data: { impersonateUser: string } };
    return data.impersonateUser;
  }

  /** Stops it, if it still runs; nobody listens there any more. */
  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill();
      await once(this.process, "exit");
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
