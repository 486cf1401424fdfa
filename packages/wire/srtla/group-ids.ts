/**
 * Ids of groups that cost no memory until a sender returns one: the receiver's half is signed, and carries
 * the time and the address that it was sent to. Who returns it has received it there.
 * In: the sender's half, its address. Out: complete ids, and the address of one that was created a short time
 * ago.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { GROUP_ID_BYTES, HALF_ID_BYTES } from './packet.ts';

/** How long an id may begin a group, µs. */
const LIFE_US = 10_000_000;
/** Time (8 bytes), port (2), length of the address (1), address, random bytes, signature. */
const TIME_AT = HALF_ID_BYTES;
const PORT_AT = TIME_AT + 8;
const LENGTH_AT = PORT_AT + 2;
const ADDRESS_AT = LENGTH_AT + 1;
const MAC_AT = GROUP_ID_BYTES - 64;
/** An IPv6 address with its zone is shorter. */
const MAX_ADDRESS_BYTES = MAC_AT - ADDRESS_AT;

/** Creates and checks the ids of one receiver. */
export class GroupIds {
  readonly #secret = randomBytes(32);

  /** An id with the first half of another one of 256 bytes; undefined for an address that is too long. */
  create(from: Uint8Array, address: string, port: number, nowUs: number): Uint8Array | undefined {
    const text = Buffer.from(address, 'latin1');
    if (text.length > MAX_ADDRESS_BYTES) return undefined;
    const id = randomBytes(GROUP_ID_BYTES);
    id.set(from.subarray(0, HALF_ID_BYTES));
    id.writeDoubleBE(nowUs, TIME_AT);
    id.writeUInt16BE(port, PORT_AT);
    id[LENGTH_AT] = text.length;
    id.set(text, ADDRESS_AT);
    id.set(this.#sign(id), MAC_AT);
    return id;
  }

  /** Where an id was sent to; undefined if it was not created here, or more than ten seconds ago. */
  read(bytes: Uint8Array, nowUs: number): { readonly address: string; readonly port: number } | undefined {
    const id = Buffer.from(bytes.buffer, bytes.byteOffset, GROUP_ID_BYTES);
    if (!timingSafeEqual(this.#sign(id), id.subarray(MAC_AT))) return undefined;
    if (nowUs - id.readDoubleBE(TIME_AT) > LIFE_US) return undefined;
    const address = id.toString('latin1', ADDRESS_AT, ADDRESS_AT + id[LENGTH_AT]!);
    return { address, port: id.readUInt16BE(PORT_AT) };
  }

  #sign(id: Uint8Array): Uint8Array {
    return createHmac('sha512', this.#secret).update(id.subarray(0, MAC_AT)).digest();
  }
}
