import { InputDialog } from '@jupyterlab/apputils';

import { act, add, Args, IDesk, refuse, textOf } from './desk';
import { AroundIDs } from './ids';

/** Adds the commands that decide on a proposal: the one named, or the one that has waited longest. */
export function addReviewCommands(desk: IDesk): void {
  const { trans } = desk;
  const id = {
    type: 'string',
    description: trans.__(
      'Which proposal; left out: the one that has waited longest'
    )
  };
  add(desk, {
    id: AroundIDs.accept,
    label: () => trans.__('Accept and run the proposal'),
    caption: trans.__('Run the proposal that waits for your review'),
    args: { id },
    enabled: model => model.waiting.length > 0,
    execute: args =>
      decide(desk, args, proposal =>
        act(desk, (api, arena) => api.accept(arena, proposal))
      )
  });
  add(desk, {
    id: AroundIDs.skip,
    label: () => trans.__('Skip the proposal…'),
    caption: trans.__('Turn the proposal down that waits for your review'),
    args: {
      id,
      reason: {
        type: 'string',
        description: trans.__(
          'Why; agents read it. Left out: it is asked for. It may be empty'
        )
      }
    },
    enabled: model => model.waiting.length > 0,
    execute: args => decide(desk, args, proposal => skip(desk, proposal, args))
  });
}

async function decide(
  desk: IDesk,
  args: Args,
  decision: (proposal: string) => Promise<boolean>
): Promise<boolean> {
  const { workbench, trans } = desk;
  await workbench.current?.ready;
  const proposal = textOf(args, 'id') ?? workbench.current?.waiting[0]?.id;
  return proposal === undefined
    ? refuse(desk, trans.__('no proposal waits for review'))
    : decision(proposal);
}

async function skip(
  desk: IDesk,
  proposal: string,
  args: Args
): Promise<boolean> {
  const { trans } = desk;
  let reason = textOf(args, 'reason') ?? null;
  if (reason === null) {
    const asked = await InputDialog.getText({
      title: trans.__('Skip this proposal'),
      label: trans.__('Why? The agents will read it.'),
      placeholder: trans.__('may stay empty'),
      okLabel: trans.__('Skip')
    });
    // An empty answer comes as null, too: the button tells.
    reason = asked.button.accept ? (asked.value ?? '') : null;
  }
  if (reason === null) {
    return false;
  }
  const why = reason.trim();
  return act(desk, (api, arena) => api.skip(arena, proposal, why));
}
