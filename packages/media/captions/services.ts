/**
 * Finds which caption services of a video have content: CC1 to CC4 of CEA-608, services 1 to 63 of CEA-708.
 * In: caption triplets, picture by picture. Out: names of services, as INSTREAM-ID has them (RFC 8216bis
 * 4.4.6.1). Pure. ANSI/CTA-608-E, 8.4; ANSI/CTA-708-E, 5 and 6.
 *
 * A CEA-608 service counts from its first command that shows captions: encoders repeat it with every caption.
 * A CEA-708 service counts from its first block that is not empty. Blocks of a packet that begin in a later
 * picture are not seen: pictures come in decode order here. Every service has a separate packet sooner or
 * later.
 */
import type { CaptionService } from './caption-channel.ts';
import { CC_TYPE, CC_VALID, TRIPLET_BYTES } from './cc-data.ts';

const MAX_SERVICES = 63;
/** Service number that says: the number is in the next byte. */
const EXTENDED = 7;
/** Resume caption loading, roll-up of 2 to 4 rows, resume direct captioning, end of caption. */
const SHOWS = new Set([0x20, 0x25, 0x26, 0x27, 0x29, 0x2f]);

/** 1 for a byte with odd parity, which every byte of CEA-608 has. */
const odd = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length & 1);

/** Whether a byte of CEA-608 is undamaged. */
export function hasOddParity(byte: number): boolean {
  return odd[byte] === 1;
}

/** Collects the services of one video. */
export class ServiceDetector {
  /** Bit n: CC(n + 1). */
  #fields = 0;
  readonly #services = new Uint8Array(MAX_SERVICES + 1);
  #count = 0;

  /** Those seen so far: CEA-608 first, by number. */
  get services(): CaptionService[] {
    const cc = ([1, 2, 3, 4] as const).filter((n) => (this.#fields >> (n - 1)) & 1).map((n) => `CC${n}` as const);
    const services = Array.from(this.#services, (seen, n) => (seen === 1 ? ([`SERVICE${n}`] as const) : []));
    return [...cc, ...services.flat()];
  }

  /**
   * Takes the triplets of the next picture.
   *
   * @returns whether a service was seen for the first time
   */
  add(triplets: Uint8Array): boolean {
    const before = this.#count;
    for (let at = 0; at + 2 < triplets.length; at += TRIPLET_BYTES) {
      const flags = triplets[at]!;
      if ((flags & CC_VALID) === 0) continue;
      const type = flags & CC_TYPE.mask;
      if (type <= CC_TYPE.field2) this.#addPair(type, triplets[at + 1]!, triplets[at + 2]!);
      else if (type === CC_TYPE.packetStart) this.#addPacket(triplets, at);
    }
    return this.#count !== before;
  }

  #addPair(field: number, first: number, second: number): void {
    const command = first & 0x7f;
    // 0x14 and 0x15 for the first channel of a field, 0x1c and 0x1d for the second.
    if ((command & 0x76) !== 0x14 || !SHOWS.has(second & 0x7f) || !odd[first] || !odd[second]) return;
    const bit = 1 << (2 * field + ((command >> 3) & 1));
    if (this.#fields & bit) return;
    this.#fields |= bit;
    this.#count++;
  }

  /** Walks the service blocks of a packet, as far as the picture has it. */
  #addPacket(triplets: Uint8Array, start: number): void {
    // The bytes of a packet are the last two of each triplet, without those of other types in between.
    let at = start;
    let half = 1;
    const next = (): number => {
      if (half === 3) {
        do at += TRIPLET_BYTES;
        while (at + 2 < triplets.length && (triplets[at]! & CC_TYPE.mask) < CC_TYPE.packetData);
        half = 1;
        if (((triplets[at] ?? 0) & 0x07) !== (CC_VALID | CC_TYPE.packetData)) return -1;
      }
      return triplets[at + half++] ?? -1;
    };
    const sizeCode = next() & 0x3f;
    let left = sizeCode === 0 ? 127 : 2 * sizeCode - 1;
    while (left > 0) {
      const head = next();
      if (head < 0) return;
      left--;
      const size = head & 0x1f;
      let service = head >> 5;
      if (service === EXTENDED && size > 0) {
        service = next() & 0x3f;
        left--;
      }
      if (service === 0) return;
      if (size > 0 && this.#services[service] === 0) {
        this.#services[service] = 1;
        this.#count++;
      }
      for (let i = 0; i < size; i++) if (next() < 0) return;
      left -= size;
    }
  }
}
