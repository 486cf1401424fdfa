/**
 * Whether cards of streams play by themselves, and what: the last seconds that are recorded.
 * In: the viewer's system, and the switch on the home page, which is kept in the browser. Out: the cards.
 */
import { MediaQuery } from 'svelte/reactivity';
import type { StreamView } from '../../../src/api/shapes.ts';
import breakpoints from '../../breakpoints.json' with { type: 'json' };
import { readStored, store } from '../viewer/storage.ts';
import { type PreviewSpan, previewSpan } from './still.ts';

const KEY = 'oxbow.previews';
const phone = new MediaQuery(breakpoints.phone);
const calm = new MediaQuery('(prefers-reduced-motion: reduce)');
const lessData = new MediaQuery('(prefers-reduced-data: reduce)');

/** The data saver of Chromium. */
const savesData = () => (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true;

class Previews {
  #isOn = $state(readStored(KEY) !== 'off');

  /** The viewer's choice; what moves for longer than five seconds can be stopped. WCAG 2.2.2. */
  get isOn(): boolean {
    return this.#isOn;
  }

  set isOn(on: boolean) {
    this.#isOn = on;
    store(KEY, on ? 'on' : 'off');
  }

  /** Nothing on the viewer's system asks for less motion or less data. */
  get mayPlay(): boolean {
    return !calm.current && !lessData.current && !savesData();
  }

  /** Cards play while they are in view, as there is no pointer to hover: on phones. */
  get isByItself(): boolean {
    return phone.current && this.mayPlay;
  }

  /**
   * What a card plays now; null: nothing.
   * @param card whether the pointer or the focus is on it, and whether it is in view
   */
  of(stream: StreamView, card: { readonly pointed: boolean; readonly inView: boolean }): PreviewSpan | null {
    const plays = card.pointed ? this.mayPlay : card.inView && this.isByItself && this.#isOn;
    return plays ? previewSpan(stream) : null;
  }
}

/** The previews of this browser; reading them in a component follows them. */
export const previews = new Previews();
