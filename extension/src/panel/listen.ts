import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

/**
 * Draws the component that calls it anew whenever one of the signals speaks.
 *
 * Each part of the panel listens to what it shows and to nothing else: a point of the live curve must not draw the list
 * of iterations again. Answers a number that grows with every change.
 */
export function useChanges(
  ...signals: ReadonlyArray<ISignal<unknown, unknown> | null | undefined>
): number {
  const [version, change] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const heard = signals.filter(
      (signal): signal is ISignal<unknown, unknown> => !!signal
    );
    heard.forEach(signal => signal.connect(change));
    // What was said between the drawing and this moment was heard by nobody.
    change();
    return () => heard.forEach(signal => signal.disconnect(change));
  }, signals);
  return version;
}

/** Draws the component that calls it anew every second while `running`. */
export function useSeconds(running: boolean): void {
  const [, tick] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    if (!running) {
      return;
    }
    const timer = window.setInterval(tick, 1000);
    return () => window.clearInterval(timer);
  }, [running]);
}
