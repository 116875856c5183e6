/** What roles are called, and what they mean, in a few words. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Role } from './roles';

/** The role in one word. */
export function roleWord(role: Role, trans: TranslationBundle): string {
  const words: Record<Role, string> = {
    strategy: trans.__('strategy'),
    parameters: trans.__('parameters'),
    locked: trans.__('locked'),
    editable: trans.__('editable'),
    score: trans.__('score'),
    shared: trans.__('shared'),
    workbench: trans.__('workbench'),
    note: trans.__('note')
  };
  return words[role];
}

/** What a cell of this role is for, in a few words that can follow the word. */
export function roleGloss(role: Role, trans: TranslationBundle): string {
  const glosses: Record<Role, string> = {
    strategy: trans.__('the brief that agents read'),
    parameters: trans.__('set anew for every run'),
    locked: trans.__('agents cannot change it'),
    editable: trans.__('agents may change it'),
    score: trans.__('judges the answers, out of agents’ reach'),
    shared: trans.__('runs for the candidate and for the score'),
    workbench: trans.__('yours, left out of every run'),
    note: trans.__('text, left out of every run')
  };
  return glosses[role];
}

/** Which cells can have this role, where the one in question cannot. */
export function roleReason(role: Role, trans: TranslationBundle): string {
  switch (role) {
    case 'strategy':
      return trans.__('markdown cells only');
    case 'note':
      return trans.__('text cells only');
    default:
      return trans.__('code cells only');
  }
}

/** What a cell of this role wears, without its name. */
export function badgeWord(role: Role, trans: TranslationBundle): string {
  return role === 'score' ? trans.__('score · sealed') : roleWord(role, trans);
}
