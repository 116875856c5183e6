/**
 * One tick for many changes: views are told at most once a frame, however much comes down the line.
 */

/** How long a change waits where no frame comes, in milliseconds: hidden tabs draw none. */
export const HIDDEN_MS = 200;

/** Calls `tick` once, in the next frame, for any number of `ask`s before it. */
export class Pulse {
  constructor(tick: () => void) {
    this._tick = tick;
  }

  /** Have `tick` called soon. */
  ask(): void {
    if (this._timer !== undefined) {
      return;
    }
    // Both, as a tab may be hidden between now and the frame: whichever comes first cancels the other.
    this._timer = setTimeout(this._beat, HIDDEN_MS);
    if (!document.hidden) {
      this._frame = requestAnimationFrame(this._beat);
    }
  }

  /** Forget what was asked for. */
  cancel(): void {
    clearTimeout(this._timer);
    cancelAnimationFrame(this._frame);
    this._timer = undefined;
  }

  private readonly _beat = (): void => {
    this.cancel();
    this._tick();
  };

  private readonly _tick: () => void;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _frame = 0;
}
