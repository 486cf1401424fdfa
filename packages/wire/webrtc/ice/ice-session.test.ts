import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Endpoint } from './address.ts';
import { type IceOptions, IceSession } from './ice-session.ts';
import { parseStun, printStun, type StunMessage, stunAttribute, stunType } from './stun-message.ts';

const local = { ufrag: 'localfrag', password: 'local password of 22 bytes' };
const remote = { ufrag: 'peer', password: 'password of the peer, 22 bytes' };
const home: Endpoint = { address: '192.0.2.1', port: 4000 };
const away: Endpoint = { address: '2001:db8::7', port: 5000 };
const victim: Endpoint = { address: '203.0.113.9', port: 53 };

const utf8 = (text: string) => new TextEncoder().encode(text);

function open(role: IceOptions['role'], candidates: readonly Endpoint[] = []) {
  const sent: { message: StunMessage; to: Endpoint }[] = [];
  const reachable: Endpoint[] = [];
  const selected: Endpoint[] = [];
  const session = new IceSession({
    local,
    remote,
    role,
    candidates,
    send: (datagram, to) => sent.push({ message: parseStun(datagram), to }),
    onCheck: () => {},
    onReachable: (endpoint) => reachable.push(endpoint),
    onSelected: (endpoint) => selected.push(endpoint),
  });
  /** What was sent since the last call. */
  const taken = () => sent.splice(0);
  return { session, taken, reachable, selected };
}

let transactions = 0;

/** A check of the peer. */
function check(options: { role?: number; nominates?: boolean; username?: string | undefined; password?: string } = {}) {
  const { role = stunAttribute.iceControlling, nominates = false, password = local.password } = options;
  const { username = `${local.ufrag}:${remote.ufrag}` } = options;
  const attributes = new Map<number, Uint8Array>([
    [stunAttribute.username, utf8(username)],
    [role, new Uint8Array(8).fill(5)],
  ]);
  if (nominates) attributes.set(stunAttribute.useCandidate, new Uint8Array());
  const transaction = new Uint8Array(12).fill(++transactions);
  return parseStun(printStun({ type: stunType.bindingRequest, transaction, attributes }, password));
}

/** The response of the peer. */
const response = ({ transaction }: StunMessage, password = remote.password) =>
  parseStun(printStun({ type: stunType.bindingSuccess, transaction, attributes: new Map() }, password));

suite('a lite agent', () => {
  test('answers a check with the address that it came from, and sends there', () => {
    const { session, taken, selected, reachable } = open('lite');
    assert.ok(session.receive(check(), home));
    const [answer] = taken();
    assert.equal(answer!.message.type, stunType.bindingSuccess);
    assert.deepEqual(answer!.to, home);
    const mapped = answer!.message.attributes.get(stunAttribute.xorMappedAddress)!;
    assert.equal(new DataView(mapped.buffer, mapped.byteOffset).getUint16(2) ^ 0x2112, home.port);
    assert.deepEqual([selected, reachable], [[home], [home]]);
  });

  for (const [what, options] of [
    ['a wrong password', { password: 'x' }],
    ['the password of the other side', { password: remote.password }],
    ['a wrong user name of this side', { username: `other:${remote.ufrag}` }],
    ['a wrong user name of the peer', { username: `${local.ufrag}:other` }],
    ['no user name', { username: '' }],
  ] as const) {
    test(`does not answer a check with ${what}`, () => {
      const { session, taken, reachable } = open('lite');
      assert.equal(session.receive(check(options), home), false);
      assert.deepEqual([taken(), reachable, session.selected], [[], [], undefined]);
    });
  }

  test('never controls: a peer that says so too has to take the role (RFC 8445 7.3.1.1)', () => {
    const { session, taken } = open('lite');
    session.receive(check({ role: stunAttribute.iceControlled }), home);
    const { message } = taken()[0]!;
    assert.equal(message.type, stunType.bindingError);
    assert.deepEqual([...message.attributes.get(stunAttribute.errorCode)!.subarray(0, 4)], [0, 0, 4, 87]);
    assert.equal(session.selected, undefined);
  });

  test('follows a peer that nominates another address, after the peer has answered there', () => {
    const { session, taken } = open('lite');
    session.receive(check({ nominates: true }), home);
    taken();
    session.receive(check({ nominates: true }), away);
    assert.deepEqual(session.selected, home);
    const [answer, own] = taken();
    assert.equal(answer!.message.type, stunType.bindingSuccess);
    assert.equal(own!.message.type, stunType.bindingRequest);
    assert.deepEqual(own!.to, away);
    assert.ok(own!.message.attributes.has(stunAttribute.iceControlled));
    assert.ok(session.receive(response(own!.message), away));
    assert.deepEqual(session.selected, away);
  });

  test('sends nothing to a victim that a peer names: a change needs a response with the password', () => {
    const { session, taken } = open('lite');
    session.receive(check({ nominates: true }), home);
    for (let n = 0; n < 20; n++) session.receive(check({ nominates: true }), victim);
    const own = taken().filter(({ message }) => message.type === stunType.bindingRequest);
    assert.equal(own.length, 20, 'one for each check, so that nothing is amplified');
    assert.equal(session.receive(response(own[0]!.message, 'guess'), victim), false);
    assert.equal(session.receive(response(own[0]!.message), home), false);
    assert.equal(session.receive(response(check()), victim), false);
    assert.deepEqual(session.selected, home);
  });

  test('stays where the peer has nominated while it checks other addresses', () => {
    const { session, taken } = open('lite');
    session.receive(check({ nominates: true }), home);
    taken();
    session.receive(check(), away);
    assert.equal(taken().length, 1);
    assert.deepEqual(session.selected, home);
  });

  test('a peer that roams back and forth is followed each time', () => {
    const { session, taken } = open('lite');
    session.receive(check({ nominates: true }), home);
    for (const to of [away, home, away, home]) {
      taken();
      session.receive(check({ nominates: true }), to);
      for (const { message } of taken()) {
        if (message.type === stunType.bindingRequest) session.receive(response(message), to);
      }
      assert.deepEqual(session.selected, to);
    }
  });
});

suite('a controlling agent', () => {
  test('checks all candidates, and nominates the first that answers', () => {
    const { session, taken, selected } = open('controlling', [victim, home, away]);
    session.tick(0);
    const checks = taken();
    assert.deepEqual(
      checks.map(({ to }) => to),
      [victim, home, away],
    );
    assert.ok(checks.every(({ message }) => !message.attributes.has(stunAttribute.useCandidate)));
    assert.ok(session.receive(response(checks[2]!.message), away));
    assert.ok(session.receive(response(checks[1]!.message), home), 'a later one is valid too');
    assert.deepEqual(selected, [away]);
    session.tick(50);
    const [nomination, ...others] = taken();
    assert.deepEqual([nomination!.to, others.length], [away, 0]);
    assert.ok(nomination!.message.attributes.has(stunAttribute.useCandidate));
    assert.ok(session.receive(response(nomination!.message), away));
  });

  test('repeats lost checks after growing times, each with the same transaction', () => {
    const { session, taken } = open('controlling', [home]);
    const sentMs: number[] = [];
    const transactionsSeen = new Set<string>();
    for (let nowMs = 0; nowMs <= 5000; nowMs += 50) {
      session.tick(nowMs);
      for (const { message } of taken()) {
        sentMs.push(nowMs);
        transactionsSeen.add(message.transaction.join());
      }
    }
    assert.deepEqual(sentMs, [0, 100, 300, 700, 1500, 2500, 3500, 4500]);
    assert.equal(transactionsSeen.size, 1);
  });

  test('accepts no response of another address, password or transaction', () => {
    const { session, taken } = open('controlling', [home]);
    session.tick(0);
    const { message } = taken()[0]!;
    assert.equal(session.receive(response(message), away), false);
    assert.equal(session.receive(response(message, local.password), home), false);
    assert.equal(session.receive(response(check()), home), false);
    assert.equal(session.selected, undefined);
  });

  test('ignores candidates that are no addresses, repeated ones and those after the 16th', () => {
    const { session, taken } = open('controlling', [home, home, { address: 'a.local', port: 9 }, { ...home, port: 0 }]);
    for (let port = 1; port <= 40; port++) session.addCandidate({ address: '198.51.100.1', port });
    session.tick(0);
    assert.equal(taken().length, 16);
  });

  test('a candidate that arrives later, and one that shows itself by a check, are checked', () => {
    const { session, taken } = open('controlling');
    session.addCandidate(home);
    session.receive(check({ role: stunAttribute.iceControlled }), away);
    taken();
    session.tick(0);
    assert.deepEqual(
      taken().map(({ to }) => to),
      [home, away],
    );
  });

  test('a peer that also controls has to give the role up', () => {
    const { session, taken } = open('controlling');
    session.receive(check({ role: stunAttribute.iceControlling }), home);
    assert.equal(taken()[0]!.message.type, stunType.bindingError);
  });

  /** A connected agent, whose peer answers while `answers` says so. */
  function consent(answers: (nowMs: number) => boolean, untilMs: number) {
    const { session, taken } = open('controlling', [home]);
    let checks = 0;
    for (let nowMs = 0; nowMs <= untilMs; nowMs += 50) {
      session.tick(nowMs);
      for (const { message } of taken()) {
        checks++;
        if (answers(nowMs)) session.receive(response(message), home);
      }
    }
    return { session, checks };
  }

  test('asks for consent every 5 s (RFC 7675 5.1)', () => {
    const { session, checks } = consent(() => true, 60_000);
    assert.ok(session.hasConsent);
    assert.ok(checks >= 13 && checks <= 14, `${checks} checks`);
  });

  test('a lost check for consent is repeated, and consent ends 15 s after the last response', () => {
    assert.ok(consent((nowMs) => nowMs % 4000 < 1000, 60_000).session.hasConsent);
    assert.ok(consent((nowMs) => nowMs < 20_000, 29_000).session.hasConsent);
    assert.equal(consent((nowMs) => nowMs < 20_000, 36_000).session.hasConsent, false);
  });
});
