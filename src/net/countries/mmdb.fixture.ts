/**
 * Writes small files in the MaxMind DB format, for tests.
 * In: networks with values. Out: the bytes of a file. MaxMind DB file format 2.0.
 */
import { parseCidr } from '../address.ts';

/** A value of the data section; whole numbers are uint32. */
export type MmdbValue = string | number | boolean | readonly MmdbValue[] | { readonly [name: string]: MmdbValue };

interface WriteOptions {
  readonly recordBits?: 24 | 28 | 32;
  /** Without it, IPv4 networks only. */
  readonly isIpv6?: boolean;
  readonly type?: string;
  /** Unix s. */
  readonly builtS?: number;
  /** Values are written once, and pointers to them elsewhere. */
  readonly hasPointers?: boolean;
}

/** A node: what follows a bit 0 and a bit 1. */
type Tree = [Tree | MmdbValue | undefined, Tree | MmdbValue | undefined] & { readonly isTree: true };

const newTree = (): Tree => Object.assign([undefined, undefined], { isTree: true as const }) as unknown as Tree;
const isTree = (value: unknown): value is Tree => (value as { isTree?: boolean } | undefined)?.isTree === true;

/** The record of a country, as MaxMind writes it. */
export function countryRecord(code: string): MmdbValue {
  const names = { en: `Country ${code}`, de: 'Land' };
  return {
    continent: { code: 'EU', names: { en: 'Europe' } },
    country: { geoname_id: 70_000, is_in_european_union: true, iso_code: code, names },
    registered_country: { iso_code: 'ZW' },
  };
}

/** @param networks the larger ones before those inside them */
export function writeMmdb(networks: Readonly<Record<string, MmdbValue>>, options: WriteOptions = {}): Buffer {
  const { recordBits = 28, isIpv6 = true, type = 'Test-Country', builtS = 1_700_000_000, hasPointers } = options;
  const root = newTree();
  for (const [network, value] of Object.entries(networks)) {
    const { address, bits } = parseCidr(network);
    const isEmbedded = isIpv6 && address.length === 4;
    const path = [...(isEmbedded ? new Uint8Array(12) : []), ...address].flatMap((byte) =>
      Array.from({ length: 8 }, (_, bit) => (byte >> (7 - bit)) & 1),
    );
    insert(root, path.slice(0, bits + (isEmbedded ? 96 : 0)), value);
  }
  const nodes: Tree[] = [];
  const visit = (tree: Tree): void => {
    nodes.push(tree);
    for (const side of tree) if (isTree(side)) visit(side);
  };
  visit(root);
  const data = new DataWriter(hasPointers === true);
  const recordOf = (side: Tree[0]): number => {
    if (side === undefined) return nodes.length;
    return isTree(side) ? nodes.indexOf(side) : nodes.length + 16 + data.record(side);
  };
  const tree = nodes.map(([left, right]) => printNode(recordOf(left), recordOf(right), recordBits));
  const facts = {
    node_count: nodes.length,
    record_size: recordBits,
    ip_version: isIpv6 ? 6 : 4,
    database_type: type,
    languages: ['en'],
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: builtS,
    description: { en: 'of a test' },
  };
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  return Buffer.concat([...tree, Buffer.alloc(16), data.bytes, marker, new DataWriter(false).print(facts)]);
}

function insert(root: Tree, path: readonly number[], value: MmdbValue): void {
  let tree = root;
  for (const bit of path.slice(0, -1)) {
    const next = tree[bit as 0 | 1];
    if (isTree(next)) {
      tree = next;
      continue;
    }
    // A network inside a larger one: the rest of the larger one keeps its value.
    const created = newTree();
    if (next !== undefined) created[0] = created[1] = next;
    tree[bit as 0 | 1] = created;
    tree = created;
  }
  tree[path.at(-1) as 0 | 1] = value;
}

function printNode(left: number, right: number, recordBits: 24 | 28 | 32): Buffer {
  const node = Buffer.alloc(recordBits / 4);
  if (recordBits === 32) {
    node.writeUInt32BE(left, 0);
    node.writeUInt32BE(right, 4);
    return node;
  }
  node.writeUIntBE(left % 2 ** 24, 0, 3);
  node.writeUIntBE(right % 2 ** 24, node.length - 3, 3);
  if (recordBits === 28) node[3] = (Math.floor(left / 2 ** 24) << 4) | Math.floor(right / 2 ** 24);
  return node;
}

/** Writes the values of a data section. */
class DataWriter {
  bytes = Buffer.alloc(0);
  readonly #hasPointers: boolean;
  /** Offsets of what is written, by its JSON. */
  readonly #written = new Map<string, number>();

  constructor(hasPointers: boolean) {
    this.#hasPointers = hasPointers;
  }

  /** Appends a record, if it is new. @returns its offset */
  record(value: MmdbValue): number {
    const key = `record ${JSON.stringify(value)}`;
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    if (this.#hasPointers) for (const part of partsOf(value)) this.#append(part);
    const offset = this.bytes.length;
    this.bytes = Buffer.concat([this.bytes, this.print(value)]);
    this.#written.set(key, offset);
    return offset;
  }

  #append(value: MmdbValue): void {
    const key = JSON.stringify(value);
    if (this.#written.has(key)) return;
    const printed = this.print(value);
    this.#written.set(key, this.bytes.length);
    this.bytes = Buffer.concat([this.bytes, printed]);
  }

  print(value: MmdbValue): Buffer {
    const known = this.#written.get(JSON.stringify(value));
    if (known !== undefined && this.#hasPointers) return printPointer(known);
    if (typeof value === 'string') return Buffer.concat([printHead(2, Buffer.byteLength(value)), Buffer.from(value)]);
    if (typeof value === 'boolean') return printHead(14, value ? 1 : 0);
    if (typeof value === 'number') {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return Buffer.concat([printHead(6, 4), bytes]);
    }
    if (Array.isArray(value)) return Buffer.concat([printHead(11, value.length), ...value.map((v) => this.print(v))]);
    const entries = Object.entries(value);
    return Buffer.concat([printHead(7, entries.length), ...entries.flatMap((e) => e.map((v) => this.print(v)))]);
  }
}

/** The parts of a value, the innermost first; not the value. */
function partsOf(value: MmdbValue): readonly MmdbValue[] {
  if (typeof value !== 'object') return [];
  const parts = Array.isArray(value) ? value : Object.entries(value).flat();
  return parts.flatMap((part: MmdbValue) => [...partsOf(part), part]);
}

function printHead(type: number, size: number): Buffer {
  const [low, more] =
    size < 29 ? [size, []] : size < 285 ? [29, [size - 29]] : [30, [(size - 285) >> 8, (size - 285) & 255]];
  return Buffer.from(type < 8 ? [(type << 5) | low, ...more] : [low, type - 7, ...more]);
}

function printPointer(offset: number): Buffer {
  if (offset < 2048) return Buffer.from([(1 << 5) | (offset >> 8), offset & 255]);
  const rest = offset - 2048;
  return Buffer.from([(1 << 5) | (1 << 3) | (rest >> 16), (rest >> 8) & 255, rest & 255]);
}
