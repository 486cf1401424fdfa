/**
 * Scrolls the page so that the form below the player can be used while the bar stays in view.
 * In: the side panel. Out: the scroll position of the window.
 */

/** Height of the panel that is shown at least, if the window is high enough, CSS pixels. */
const LEAST_PX = 340;

/** Brings a panel into view; does nothing where enough of it is visible. */
export function showForm(panel: HTMLElement): void {
  const { top, height } = panel.getBoundingClientRect();
  const below = top + Math.min(height, LEAST_PX) - innerHeight;
  if (below <= 0) return;
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  scrollBy({ top: Math.min(below, top), behavior: isCalm ? 'instant' : 'smooth' });
}
