import { PathExt } from '@jupyterlab/coreutils';

import { act, add, Args, flagOf, IDesk, numberOf, textOf } from './desk';
import { AroundIDs } from './ids';

/** Adds the command that writes what the runs brought as a notebook beside the arena, and opens it. */
export function addReportCommand(desk: IDesk): void {
  const { trans } = desk;
  add(desk, {
    id: AroundIDs.report,
    label: () => trans.__('Report what the runs brought'),
    caption: trans.__('Write a notebook with gains, failures, time and money'),
    args: {
      out: {
        type: 'string',
        description: trans.__(
          'Where to, a path that ends in .ipynb, beside the arena; left out: named like the arena'
        )
      },
      hours: {
        type: 'number',
        description: trans.__('Of the last so many hours; left out: of all')
      },
      html: {
        type: 'boolean',
        description: trans.__('Whether a page is written beside it')
      },
      force: {
        type: 'boolean',
        description: trans.__('Whether what is there is overwritten')
      }
    },
    enabled: ({ state }) => !!state?.total,
    execute: args => write(desk, args)
  });
}

async function write(desk: IDesk, args: Args): Promise<boolean> {
  let path = '';
  const well = await act(desk, async (api, arena) => {
    const name = PathExt.basename(arena, '.ipynb');
    const said = await api.report(arena, {
      out: textOf(args, 'out') ?? `${name}_report.ipynb`,
      hours: numberOf(args, 'hours') ?? null,
      html: flagOf(args, 'html'),
      force: flagOf(args, 'force')
    });
    path = said.path ?? '';
    return said;
  });
  if (well && path) {
    await desk.openNotebook(path);
  }
  return well;
}
