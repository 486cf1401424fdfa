import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { hash as bcrypt } from 'bcryptjs';
import { HashQueue } from './hash-queue.ts';
import { checkPassword, hashPassword, isPasswordHash } from './password.ts';
import { requireGoodPassword } from './password-rules.ts';

suite('hashes of passwords', () => {
  test('are argon2id with the parameters of OWASP and a salt of their own, as PHC strings', async () => {
    const [one, other] = [await hashPassword('correct horse'), await hashPassword('correct horse')];
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    assert.notEqual(one, other);
    assert.deepEqual(await checkPassword(one, 'correct horse'), { matches: true, isOld: false });
    assert.equal((await checkPassword(one, 'correct horsf')).matches, false);
  });

  test('match a password that was composed differently by another keyboard', async () => {
    assert.equal((await checkPassword(await hashPassword('caf\u00e9 crème'), 'cafe\u0301 crème')).matches, true);
  });

  test('are scrypt on a Node without argon2, and old on one that has it', async () => {
    const hash = await hashPassword('correct horse', { argon2: false });
    assert.match(hash, /^\$scrypt\$ln=15,r=8,p=3\$/);
    assert.deepEqual(await checkPassword(hash, 'correct horse'), { matches: true, isOld: true });
    assert.equal((await checkPassword(hash, 'wrong')).matches, false);
  });

  test('of other parameters still match, and are old', async () => {
    const weak = '$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$';
    const { matches, isOld } = await checkPassword(`${weak}${'A'.repeat(43)}`, 'x');
    assert.deepEqual([matches, isOld], [false, true]);
  });

  test('of bcrypt are compared outside the main thread, which answers others meanwhile', async () => {
    const hash = await bcrypt('from SyncTV', 10);
    let turns = 0;
    let isDone = false;
    const checked = checkPassword(hash, 'from SyncTV').finally(() => {
      isDone = true;
    });
    while (!isDone) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(await checked, { matches: true, isOld: true });
    assert.ok(turns > 50, `${turns} turns`);
  });

  test('of bcrypt match once and are old; those that would take seconds match nothing', async () => {
    const hash = await bcrypt('from SyncTV', 4);
    assert.ok(isPasswordHash(hash));
    assert.deepEqual(await checkPassword(hash, 'from SyncTV'), { matches: true, isOld: true });
    assert.equal((await checkPassword(hash, 'other')).matches, false);
    assert.equal((await checkPassword(hash.replace('$04$', '$19$'), 'from SyncTV')).matches, false);
  });

  test('that are damaged match nothing and throw nothing', async () => {
    const random = seeded(7);
    const rest = `${'c2FsdHNhbHQ'}$${'A'.repeat(43)}`;
    const good = [`$argon2id$v=19$m=64,t=1,p=1$${rest}`, `$scrypt$ln=4,r=8,p=1$${rest}`, await bcrypt('a', 4)];
    for (let round = 0; round < 300; round++) {
      const text = [...good[round % 3]!];
      // Parameters are left alone: larger ones would only take time.
      const at = random(text.length);
      if (/[0-9]/.test(text[at]!)) continue;
      text[at] = String.fromCharCode(33 + random(90));
      const damaged = text.slice(0, random(5) === 0 ? at : undefined).join('');
      if (good.includes(damaged)) continue;
      const { matches } = await checkPassword(damaged, 'b');
      assert.equal(matches, false, damaged);
    }
  });
});

suite('accepted passwords', () => {
  const refused = (password: string, name = 'Zoë') =>
    assert.throws(() => requireGoodPassword(password, name), { code: 'bad-password' }, password);

  test('have 8 to 256 characters', () => {
    refused('1234567');
    refused('🐘🐘🐘🐘');
    refused('x1'.repeat(129));
    requireGoodPassword('a bit longer', 'Zoë');
    requireGoodPassword('密码密码密码密码', 'Zoë');
  });

  test('are not the name, one character, or one of the first that anyone tries', () => {
    refused('Elephant', 'elephant');
    refused('ääääääääää');
    for (const common of ['Password1', '12345678', 'iloveyou', 'P@SSW0RD']) refused(common);
  });
});

suite('the queue of hashes', () => {
  test('runs two at once in the order of arrival, and refuses when too many wait', async () => {
    const queue = new HashQueue();
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const work = (id: number) =>
      queue.run(async () => {
        most = Math.max(most, ++running);
        order.push(id);
        await new Promise<void>((resolve) => release.push(resolve));
        running--;
      });
    const all = Array.from({ length: 66 }, (_, id) => work(id));
    await assert.rejects(work(66), { code: 'sign-in-busy' });
    assert.equal(queue.waiting, 64);
    let done = false;
    const end = Promise.all(all).then(() => {
      done = true;
    });
    while (!done) {
      release.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await end;
    assert.equal(most, 2);
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    );
    await assert.rejects(
      queue.run(() => Promise.reject(new Error('broken'))),
      /broken/,
    );
    assert.equal(await queue.run(async () => 5), 5, 'a failed hash gives its turn back');
  });
});
