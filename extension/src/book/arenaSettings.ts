/**
 * The arena's settings as a form holds them: texts, what is wrong with them, and the way into the notebook's metadata.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { PartialJSONObject } from '@lumino/coreutils';

import { KEY, recordOf, settingsOf, SharedNotebook } from './roles';

/** What the form holds; numbers as they are typed. */
export interface ISettings {
  metric: string;
  direction: 'min' | 'max';
  target: string;
  budget: string;
  clock: 'wall' | 'cpu';
  policy: 'bayes' | 'greedy';
}

export type Faults = Partial<Record<keyof ISettings, string>>;

/** Where a notebook starts that has no settings yet. */
export const USUAL: ISettings = {
  metric: 'loss',
  direction: 'min',
  target: '',
  budget: '10',
  clock: 'wall',
  policy: 'bayes'
};

/** The settings that a notebook has, with the usual ones in place of what is missing or no such thing. */
export function readSettings(notebook: SharedNotebook): ISettings {
  const settings = settingsOf(notebook) ?? {};
  const metric = recordOf(settings.metric) ?? {};
  const { name, direction, target } = metric;
  const { budget_s: budget, clock } = settings;
  return {
    metric: typeof name === 'string' ? name : USUAL.metric,
    direction: direction === 'max' ? 'max' : 'min',
    target: typeof target === 'number' ? String(target) : '',
    budget: typeof budget === 'number' ? String(budget) : USUAL.budget,
    clock: clock === 'cpu' ? 'cpu' : 'wall',
    policy: recordOf(settings.keep)?.policy === 'greedy' ? 'greedy' : 'bayes'
  };
}

/** What is wrong with each field, in one line; nothing where nothing is. */
export function settingsFaults(
  settings: ISettings,
  trans: TranslationBundle
): Faults {
  const faults: Faults = {};
  if (!settings.metric.trim()) {
    faults.metric = trans.__('Give the score a name, such as loss');
  }
  if (!(numberIn(settings.budget) > 0)) {
    faults.budget = trans.__('A number of seconds above 0, such as 10');
  }
  if (settings.target.trim() && Number.isNaN(numberIn(settings.target))) {
    faults.target = trans.__('A number, such as 2.45, or nothing');
  }
  return faults;
}

/** Writes settings with which nothing is wrong; whatever else stands in the metadata stays. */
export function writeSettings(
  notebook: SharedNotebook,
  settings: ISettings
): void {
  const kept = settingsOf(notebook) ?? {};
  const metric = {
    ...recordOf(kept.metric),
    name: settings.metric.trim(),
    direction: settings.direction,
    target: settings.target.trim() ? numberIn(settings.target) : null
  };
  const keep = recordOf(kept.keep);
  // The usual rule need not be written down, but one that is there is put right.
  const ruled = keep || settings.policy !== USUAL.policy;
  notebook.setMetadata(KEY, {
    ...kept,
    metric,
    budget_s: numberIn(settings.budget),
    clock: settings.clock,
    ...(ruled && { keep: { ...keep, policy: settings.policy } })
  } as PartialJSONObject);
}

/** The finite number in a text, NaN where there is none. */
function numberIn(text: string): number {
  const found = Number(text.trim().replace('−', '-'));
  return text.trim() && Number.isFinite(found) ? found : NaN;
}
