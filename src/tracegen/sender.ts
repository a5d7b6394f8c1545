// Sends payloads by one lane, and opens another when that is lost.
//
//   open ─▶ lane ─ send ─▶ verdict
//             └ lost ─▶ opened again by the next who sends; while that fails: refused, unavailable

import { type HostPort, printHostPort } from "../base/host-port.ts";
import { SpoorError } from "../base/errors.ts";
import {
  type Carrier,
  type Lane,
  type Payload,
  type Verdict,
  refused,
} from "./carriers/carrier.ts";

export class Sender {
  readonly #carrier: Carrier;
  readonly #address: HostPort;
  #lane: Lane;
  #opening: Promise<Lane> | undefined;

  constructor(carrier: Carrier, address: HostPort, lane: Lane) {
    this.#carrier = carrier;
    this.#address = address;
    this.#lane = lane;
  }

  async send({ bytes }: Payload): Promise<Verdict> {
    const { payloadBytesMax } = this.#carrier;
    if (bytes.length > payloadBytesMax) {
      return refused("too-large", `a span of ${bytes.length} bytes, over ${payloadBytesMax}`);
    }
    try {
      return await (await this.#openLane()).send(bytes);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      return refused("unavailable", error.message);
    }
  }

  close(): void {
    this.#lane.close();
  }

  #openLane(): Promise<Lane> {
    if (this.#lane.isOpen) return Promise.resolve(this.#lane);
    this.#opening ??= this.#reopen().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #reopen(): Promise<Lane> {
    this.#lane.close();
    this.#lane = await this.#carrier.open(this.#address);
    return this.#lane;
  }
}

/** @throws SpoorError `unavailable` if nobody is there. */
export async function openSender(carrier: Carrier, address: HostPort): Promise<Sender> {
  try {
    return new Sender(carrier, address, await carrier.open(address));
  } catch (error) {
    if (!(error instanceof SpoorError)) throw error;
    const message = `nobody takes spans at ${printHostPort(address)}: ${error.message}`;
    throw new SpoorError("unavailable", message, {}, error);
  }
}
