import { StateDB } from '@jupyterlab/statedb';
import { BoxPanel, SplitPanel, StackedPanel, Widget } from '@lumino/widgets';

import { giveRoom, widened } from '../panel/room';

/** A shell of 1,200 pixels with a side bar of 240; `set` hears of new shares, since nothing is laid out here. */
function shell(): { panel: Widget; set: jest.SpyInstance } {
  const split = new SplitPanel();
  const bar = new BoxPanel();
  const stack = new StackedPanel();
  const panel = new Widget();
  bar.addWidget(stack);
  stack.addWidget(panel);
  for (const one of [bar, new Widget(), new Widget()]) {
    split.addWidget(one);
  }
  Object.defineProperty(split.node, 'clientWidth', { value: 1200 });
  jest.spyOn(split, 'relativeSizes').mockReturnValue([0.2, 0.8, 0]);
  return { panel, set: jest.spyOn(split, 'setRelativeSizes') };
}

describe('the room that the panel asks for', () => {
  it('is taken from the main area, once a workspace', async () => {
    const db = new StateDB();
    const { panel, set } = shell();
    await giveRoom(panel, db);
    await giveRoom(panel, db);
    expect(set).toHaveBeenCalledTimes(1);
    const [sizes] = set.mock.calls[0] as [number[]];
    expect(sizes[0]).toBeCloseTo(0.3);
    expect(sizes[1]).toBeCloseTo(0.7);
  });

  it('is not asked for twice because the page was loaded anew', async () => {
    const db = new StateDB();
    await giveRoom(shell().panel, db);
    const { panel, set } = shell();
    await giveRoom(panel, db);
    expect(set).not.toHaveBeenCalled();
  });

  it('is nobody’s business outside a split, or without a memory', async () => {
    const { panel, set } = shell();
    await giveRoom(panel, null);
    await giveRoom(new Widget(), new StateDB());
    expect(set).not.toHaveBeenCalled();
  });

  it('is never taken where there is enough, or too little', () => {
    expect(widened([0.4, 0.6, 0], 0, 0.3)).toBeNull();
    expect(widened([0.1, 0.4, 0.5], 0, 0.4)).toBeNull();
    expect(widened([1, 0], 0, 2)).toBeNull();
    expect(widened([NaN, 1], 0, 0.3)).toBeNull();
    expect(widened([0, 1], 0, Infinity)).toBeNull();
  });
});
