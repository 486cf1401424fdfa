/**
 * What a person has chosen for calls: devices, what the browser does with the sound of the microphone, how
 * loud others are.
 * In: the settings of a call, tiles. Out: devices and voices; stored in the browser, except how loud others
 * are.
 */
import { SvelteMap } from 'svelte/reactivity';
import { readStored, store } from '../../viewer/storage.ts';

const KEY = 'oxbow.call';

/** The stored choices. An empty device is the choice of the browser. */
export interface CallChoices {
  readonly microphone: string;
  readonly camera: string;
  readonly speaker: string;
  readonly echoCancellation: boolean;
  readonly noiseSuppression: boolean;
  readonly autoGainControl: boolean;
}

const usual: CallChoices = {
  microphone: '',
  camera: '',
  speaker: '',
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

function read(): CallChoices {
  try {
    const kept: unknown = JSON.parse(readStored(KEY) ?? '{}');
    const entries = Object.entries(usual).map(([key, value]) => {
      const stored = (kept as Readonly<Record<string, unknown>>)[key];
      return [key, typeof stored === typeof value ? stored : value];
    });
    return Object.fromEntries(entries) as CallChoices;
  } catch {
    return usual; // invalid
  }
}

class CallPreferences {
  #choices = $state.raw<CallChoices>(read());
  /** 0 to 1, by the id of the person; 0: not heard. */
  readonly volumes = new SvelteMap<string, number>();

  get choices(): CallChoices {
    return this.#choices;
  }

  choose(change: Partial<CallChoices>): void {
    this.#choices = { ...this.#choices, ...change };
    store(KEY, JSON.stringify(this.#choices));
  }
}

/** The choices of this browser. */
export const callPreferences = new CallPreferences();
