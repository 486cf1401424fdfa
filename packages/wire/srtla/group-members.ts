/**
 * The links of one bonded sender, by number.
 * In: addresses of links that join and leave. Out: links; the numbers of links that come back.
 */
/** Links of one group. */
export const MAX_LINKS = 16;
/** A link of the same address that is silent for this time is replaced: its port has changed, µs. */
const MOVED_US = 2_000_000;

/** One network of the sender, by its source address and port. */
export interface MemberLink<Group> {
  readonly group: Group;
  /** 1 and above. */
  readonly number: number;
  readonly address: string;
  readonly port: number;
  heardUs: number;
  /** Data packets that are not acknowledged yet. */
  sequences: number[];
}

/** What is kept of each number. */
interface LinkRecord {
  address: string;
  /** Of SRT packets. */
  bytes: number;
}

interface MembersSetup<Group> {
  readonly group: Group;
  /** µs of a clock that never steps. */
  now(): number;
  /** A link has got a number that another one may have had. */
  joined(number: number): void;
}

/** Iterates over the links now. */
export class GroupMembers<Group> implements Iterable<MemberLink<Group>> {
  /** By number, also of links that are gone: one that comes back has its number again. */
  readonly records = new Map<number, LinkRecord>();
  readonly #setup: MembersSetup<Group>;
  readonly #links = new Map<number, MemberLink<Group>>();

  constructor(setup: MembersSetup<Group>) {
    this.#setup = setup;
  }

  [Symbol.iterator](): IterableIterator<MemberLink<Group>> {
    return this.#links.values();
  }

  /** The link that has a number now. */
  get(number: number): MemberLink<Group> | undefined {
    return this.#links.get(number);
  }

  /**
   * Adds a link.
   *
   * @returns the link, and one that it replaces; undefined if there are too many
   */
  join(
    address: string,
    port: number,
  ): { readonly link: MemberLink<Group>; readonly replaced?: MemberLink<Group> } | undefined {
    const nowUs = this.#setup.now();
    const replaced = [...this].find((link) => link.address === address && nowUs - link.heardUs >= MOVED_US);
    const number = replaced?.number ?? this.#freeNumber(address);
    if (number === undefined) return undefined;
    const link = this.joinAs(number, address, port);
    return replaced ? { link, replaced } : { link };
  }

  /** Adds a link with a number that another receiver has given it, in place of one that has the number. */
  joinAs(number: number, address: string, port: number): MemberLink<Group> {
    const { group, now, joined } = this.#setup;
    const link: MemberLink<Group> = { group, number, address, port, heardUs: now(), sequences: [] };
    this.#links.set(number, link);
    const record = this.records.get(number);
    if (record) record.address = address;
    else this.records.set(number, { address, bytes: 0 });
    joined(number);
    return link;
  }

  /** Removes a link, unless another one has its number. */
  leave(link: MemberLink<Group>): void {
    if (this.#links.get(link.number) === link) this.#links.delete(link.number);
  }

  /** The number of a link of this address that is gone, else one that no link had yet, else a free one. */
  #freeNumber(address: string): number | undefined {
    const free = Array.from({ length: MAX_LINKS }, (_, index) => index + 1).filter(
      (number) => !this.#links.has(number),
    );
    return (
      free.find((number) => this.records.get(number)?.address === address) ??
      free.find((number) => !this.records.has(number)) ??
      free[0]
    );
  }
}
