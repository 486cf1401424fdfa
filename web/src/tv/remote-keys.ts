/**
 * The keys of a remote control on the pages of a television: arrows move the focus, Back leaves.
 * In: key events, before the page gets them. Out: the focus.
 */
import { type Direction, nextBox } from './spatial.ts';

const arrows: Readonly<Record<string, Direction>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};
/** Back, as televisions and keyboards name it. */
const BACK: ReadonlySet<string> = new Set(['Escape', 'Backspace', 'GoBack', 'BrowserBack']);

/** The direction of an arrow key without others. */
export function directionOf({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): Direction | undefined {
  return ctrlKey || metaKey || altKey ? undefined : arrows[key];
}

/** Whether a key leaves the page; in a field, Backspace deletes. */
export function isBack({ key, target }: KeyboardEvent): boolean {
  return BACK.has(key) && !(key === 'Backspace' && target instanceof HTMLInputElement);
}

/** What can have the focus within an element, as it is shown. */
export function focusable(within: ParentNode): HTMLElement[] {
  return [...within.querySelectorAll<HTMLElement>('a[href], button:not(:disabled), input:not(:disabled)')].filter(
    (each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: false }),
  );
}

/**
 * Moves the focus; without one, the first element gets it.
 *
 * @returns false if nothing is there in this direction
 */
export function moveFocus(within: ParentNode, direction: Direction): boolean {
  const all = focusable(within);
  const active = document.activeElement;
  if (!(active instanceof HTMLElement) || !all.includes(active)) return focus(all[0]);
  const others = all.filter((each) => each !== active);
  const boxes = others.map((each) => each.getBoundingClientRect());
  return focus(others[nextBox(active.getBoundingClientRect(), boxes, direction)]);
}

function focus(element: HTMLElement | undefined): boolean {
  if (!element) return false;
  element.focus({ preventScroll: true, focusVisible: true } as FocusOptions);
  element.scrollIntoView({ block: 'center', inline: 'center' });
  return true;
}
