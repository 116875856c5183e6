import type { TranslationBundle } from '@jupyterlab/translation';

import type { ILook } from '../words';

/** The word for a kind of result, in the person's language. */
export function said(look: ILook, trans: TranslationBundle): string {
  switch (look.kind) {
    case 'confirmed':
    case 'provisional':
      return trans.__('keep');
    case 'refuted':
      return trans.__('refuted');
    case 'discard':
      return trans.__('discard');
    case 'pruned':
      return trans.__('pruned');
    case 'crash':
      return trans.__('crash');
    case 'timeout':
      return trans.__('timeout');
    case 'contended':
      return trans.__('contended');
    case 'interrupted':
      return trans.__('interrupted');
    case 'running':
      return trans.__('run');
    case 'scored':
      return trans.__('scored');
    default:
      return look.word;
  }
}
