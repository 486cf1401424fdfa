/*
 * A call of two in a room: Chromium with fake devices, one page for each person. call-long.test.ts has a call
 * of five.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { type CallRoom, createCallRoom, joinCall, receivesAll, tileOf } from './call-people.ts';
import { openBrowser } from './chromium.ts';
import { isInSight } from './overflow.ts';

suite('a call of two', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let room: CallRoom;

  before(async () => {
    const folder = opened.use(await openFolder('call-of-two'));
    const server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        sample: false,
        ingest: ['webrtc'],
        args: ['--accounts-sign-up', 'open'],
      }),
    );
    const browser = await openBrowser();
    opened.defer(() => browser.close());
    room = opened.use(createCallRoom(browser, server.url));
  });
  after(() => opened.disposeAsync());

  test('they hear and see each other, one is muted, leaves, and comes back', async () => {
    const [ann, ben] = [await room.enter('ann'), await room.enter('ben')];
    await joinCall(ann);
    await ben.page.getByText('In the call: ann').waitFor();
    await joinCall(ben);
    for (const person of [ann, ben]) await receivesAll(person, 1);
    for (const [width, height] of [
      [1280, 800],
      [960, 800],
    ] as const) {
      await ann.page.setViewportSize({ width, height });
      for (const seen of ['.stand > section', '.tiles li', '.call .leave', 'aside textarea']) {
        await until(`${seen} is on a screen of ${width}x${height}`, () =>
          isInSight(ann.page.locator(`.room ${seen}`).first()),
        );
      }
    }
    await ann.page.getByRole('button', { name: 'Turn microphone off' }).click();
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor();
    await ann.page.locator('body').press('b');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor({ state: 'detached' });
    await ann.page.getByRole('button', { name: 'Leave call' }).click();
    await tileOf(ben.page, 'ann').waitFor({ state: 'detached' });
    await joinCall(ann);
    for (const person of [ann, ben]) await receivesAll(person, 1);
    for (const { name, faults } of [ann, ben]) assert.deepEqual(faults, [], name);
  });
});
