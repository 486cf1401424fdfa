/**
 * The networks and countries of edges: how well an edge fits a viewer.
 * In: networks and countries of the settings, viewers. Out: bits of the longest network that has the address.
 * Pure.
 */
import { BlockList, isIP } from 'node:net';

/** Fit of an edge for the country of a viewer: before an edge for all, after each network. */
const COUNTRY = 0.5;

/** One network. */
interface Place {
  readonly bits: number;
  readonly list: BlockList;
  readonly family: 4 | 6;
}

/** The networks and countries of one edge. */
export class Places {
  /** The longest network first. */
  readonly #places: readonly Place[];

  readonly #countries: ReadonlySet<string>;

  /**
   * @param networks `10.0.0.0/8` or addresses, checked
   * @param countries codes. Without either the edge is for all
   */
  constructor(networks: readonly string[], countries: readonly string[] = []) {
    this.#countries = new Set(countries);
    const places = networks.map((network): Place => {
      const [address = '', bits] = network.split('/');
      const family = isIP(address) === 6 ? 6 : 4;
      const list = new BlockList();
      const width = bits === undefined ? (family === 6 ? 128 : 32) : Number(bits);
      list.addSubnet(address, width, `ipv${family}`);
      return { bits: width, list, family };
    });
    this.#places = places.sort((a, b) => b.bits - a.bits);
  }

  /**
   * Bits of the longest network with the address.
   *
   * @param address of a viewer; any text
   * @param country its code; undefined: unknown
   * @returns 0.5 if only the country fits, 0 if the edge is for all, -1 if it is for others
   */
  fit(address: string, country?: string): number {
    if (this.#places.length === 0 && this.#countries.size === 0) return 0;
    const family = isIP(address);
    const place = this.#places.find((each) => each.family === family && each.list.check(address, `ipv${each.family}`));
    // A network of all addresses is still one that was named.
    if (place) return Math.max(1, place.bits);
    return country !== undefined && this.#countries.has(country) ? COUNTRY : -1;
  }
}
