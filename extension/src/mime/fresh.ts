/** What fresh runs say of a keep, in words: the same as in the other faces. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IFresh, IGain } from '../wire';
import { signed } from '../words';

/** A few sentences, the most important first; none where there is nothing to say. `places`: decimals of its scores. */
export function freshLines(
  it: IFresh | null,
  places: number,
  trans: TranslationBundle
): string[] {
  if (it === null) {
    return [];
  }
  const found = [standing(it, places, trans)];
  if (it.total !== null) {
    found.push(
      trans.__(
        'Over the baseline, by fresh runs of both, it gains %1.',
        gained(it.total, places)
      )
    );
  }
  if (it.held_out !== null) {
    found.push(
      trans.__(
        'On the holdout, which no selection saw: %1 over the baseline.',
        gained(it.held_out, places)
      )
    );
  }
  return found.filter(Boolean);
}

/** A gain with its 90 % interval: `+0.104 (+0.081 … +0.127)`. */
export function gained(it: IGain, places: number): string {
  const mean = signed(it.mean, places);
  return it.low === it.high
    ? mean
    : `${mean} (${signed(it.low, places)} … ${signed(it.high, places)})`;
}

function standing(
  it: IFresh,
  places: number,
  trans: TranslationBundle
): string {
  if (it.screened === null && it.gain === null) {
    return '';
  }
  if (it.gain === null) {
    return it.state === 'provisional'
      ? trans.__('Provisional: no fresh run has confirmed it yet.')
      : '';
  }
  const gain = gained(it.gain, places);
  const screened = it.screened === null ? '' : signed(it.screened, places);
  switch (it.state) {
    case 'confirmed':
      return trans._n(
        'Confirmed: it gains %2 over its base in a fresh pair of runs; what it was kept for showed %3.',
        'Confirmed: it gains %2 over its base in %1 fresh pairs of runs; what it was kept for showed %3.',
        it.pairs,
        gain,
        screened
      );
    case 'refuted':
      return trans._n(
        'Refuted: it gains %2 over its base in a fresh pair of runs; what it was kept for showed %3.',
        'Refuted: it gains %2 over its base in %1 fresh pairs of runs; what it was kept for showed %3.',
        it.pairs,
        gain,
        screened
      );
    default:
      return trans._n(
        'Not decided yet: it gains %2 over its base in a fresh pair of runs; what it was kept for showed %3.',
        'Not decided yet: it gains %2 over its base in %1 fresh pairs of runs; what it was kept for showed %3.',
        it.pairs,
        gain,
        screened
      );
  }
}
