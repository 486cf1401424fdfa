/*
 * A call of five in a room as people use it: Chromium with fake devices, one page for each person.
 * call.test.ts has a call of two.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { measureAlone } from './alone.ts';
import { violations } from './axe.ts';
import { type CallRoom, createCallRoom, joinCall, type Person, receivesAll, tileOf } from './call-people.ts';
import { fakeDevicesAt, launchBrowser } from './chromium.ts';
import { overflowing } from './overflow.ts';

suite('the interface of calls', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let room: CallRoom;

  before(async () => {
    opened.use(await measureAlone()); // many pages encode and decode at once
    const folder = opened.use(await openFolder('call-page'));
    const server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        sample: false,
        ingest: ['webrtc'],
        args: ['--accounts-sign-up', 'open'],
      }),
    );
    const browser = await launchBrowser(fakeDevicesAt(5)); // fewer pictures than the shared one's camera
    opened.defer(() => browser.close());
    room = opened.use(createCallRoom(browser, server.url));
  });
  after(() => opened.disposeAsync());

  test('four talk and see each other directly, a fifth joins, and the server forwards', async () => {
    const people: Person[] = [];
    for (const name of ['ann', 'ben', 'cleo', 'dan']) people.push(await room.enter(name));
    const [ann, ben] = people as [Person, Person];
    await joinCall(ann);
    await ben.page.getByText('In the call: ann').waitFor();
    for (const person of people.slice(1)) await joinCall(person);
    for (const person of people) await receivesAll(person, 3);
    await until('who speaks is shown', async () => (await ann.page.locator('.call li.speaking').count()) > 0);
    assert.deepEqual(await violations(ann.page, 'a call of four'), []);
    await ann.page.getByText(/↑ \d+ ↓ \d+ kbit\/s/).waitFor();

    const eve = await room.enter('eve', { width: 320, height: 640, colorScheme: 'dark', touch: true });
    people.push(eve);
    await joinCall(eve);
    for (const person of people) await receivesAll(person, 4);
    assert.deepEqual(await overflowing(eve.page), []);
    assert.deepEqual(await violations(eve.page, 'a call of five on a phone'), []);

    // Mute by button and key, push to talk.
    await ann.page.getByRole('button', { name: 'Turn microphone off' }).click();
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor();
    await ann.page.locator('body').press('b');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor({ state: 'detached' });
    await ann.page.locator('body').press('b');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor();
    await ann.page.keyboard.down('v');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor({ state: 'detached' });
    await ann.page.keyboard.up('v');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor();
    await ann.page.locator('body').press('b');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor({ state: 'detached' });

    // Volume of one person, devices.
    await tileOf(ben.page, 'ann').hover();
    await ben.page.getByRole('button', { name: 'Volume of ann' }).click();
    await ben.page.getByRole('button', { name: 'Mute for me' }).click();
    assert.deepEqual(await violations(ben.page, 'volume', { within: ['.popover.placed'] }), []);
    const silent = () =>
      ben.page.locator('audio').evaluateAll((all) => all.filter((one) => (one as HTMLAudioElement).muted).length);
    await until('one voice is silent', async () => (await silent()) === 1);
    await ben.page.keyboard.press('Escape');
    await ben.page.getByRole('button', { name: 'Devices and sound' }).click();
    await ben.page.getByRole('combobox', { name: 'Camera' }).waitFor();
    assert.deepEqual(await violations(ben.page, 'devices', { within: ['.popover.placed'] }), []);
    await ben.page.keyboard.press('Escape');

    // Leave, and reload: the others continue without them.
    await eve.page.getByRole('button', { name: 'Leave call' }).click();
    await eve.page.getByRole('button', { name: 'Join call' }).waitFor();
    await tileOf(ann.page, 'eve').waitFor({ state: 'detached' });
    await room.open(ben);
    await tileOf(ann.page, 'ben').waitFor({ state: 'detached' });
    await joinCall(ben);
    await receivesAll(ben, 3);
    await receivesAll(ann, 3);
    for (const { name, faults } of people) assert.deepEqual(faults, [], name);
  });
});
