import type { TranslationBundle } from '@jupyterlab/translation';

import { oneLine } from '../diff/visible';

/** A verdict, standing, status, state of a driver or of a worker in the person's language; a word of a later version as it is. */
export function wording(word: string, trans: TranslationBundle): string {
  return known(trans).get(word) ?? oneLine(word, 20);
}

function known(trans: TranslationBundle): ReadonlyMap<string, string> {
  // Whole calls with literals: only so are they found when the words to be translated are gathered.
  return new Map([
    ['keep', trans.__('keep')],
    ['discard', trans.__('discard')],
    ['crash', trans.__('crash')],
    ['timeout', trans.__('timeout')],
    ['pruned', trans.__('pruned')],
    ['scored', trans.__('scored')],
    ['interrupted', trans.__('interrupted')],
    ['contended', trans.__('contended')],
    ['invalid', trans.__('invalid')],
    ['duplicate', trans.__('duplicate')],
    ['skipped', trans.__('skipped')],
    ['pending', trans.__('pending')],
    ['waiting', trans.__('waiting')],
    ['accepted', trans.__('accepted')],
    ['provisional', trans.__('provisional')],
    ['confirmed', trans.__('confirmed')],
    ['refuted', trans.__('refuted')],
    ['idle', trans.__('idle')],
    ['running', trans.__('running')],
    ['paused', trans.__('paused')],
    ['stopping', trans.__('stopping')],
    ['ended', trans.__('ended')],
    ['waits', trans.__('waits')],
    ['slow', trans.__('slow')],
    ['lost', trans.__('lost')],
    ['refused', trans.__('refused')],
    ['down', trans.__('down')]
  ]);
}
