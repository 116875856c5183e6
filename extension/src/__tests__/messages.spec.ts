/** What messages.js finds. */
interface IFound {
  messages: { id?: string; plural?: string; context?: string }[];
  faults: string[];
}

const { collect, ofSource, ofSchema } = jest.requireActual<{
  collect(): IFound;
  ofSource(name: string, text: string): IFound;
  ofSchema(schema: object): IFound['messages'];
}>('../../messages.js');

describe('the strings that a person reads', () => {
  it('are all literals, so that they can be extracted', () => {
    const { messages, faults } = collect();
    expect(faults).toEqual([]);
    expect(messages).toContainEqual({ id: 'Stop now' });
    expect(messages).toContainEqual({
      id: '%1 day ago',
      plural: '%1 days ago'
    });
    expect(messages).toContainEqual({
      context: 'settings',
      id: 'Tell of a new best'
    });
  });

  it.each([
    'trans.__(look.word)',
    'trans.__(`of ${number}`)',
    "this._trans._n('one', many, 2)",
    "trans.__('in ' + 'two')",
    "trans._p(place, 'word')"
  ])('are not found in %s', text => {
    expect(ofSource('x.tsx', text).faults).toHaveLength(1);
  });

  it('have their numbers and places beside them', () => {
    const text = "f(trans.__('a %1', `${x}`), <p>{trans._p('menu', `b`)}</p>)";
    expect(ofSource('x.tsx', text)).toEqual({
      messages: [{ id: 'a %1' }, { context: 'menu', id: 'b' }],
      faults: []
    });
  });

  it('are those that the server translates in a schema', () => {
    expect(
      ofSchema({
        title: 'T',
        'jupyter.lab.menus': { main: [{ id: 'x', label: 'M' }] },
        properties: { a: { title: 'A', default: 'no' } }
      })
    ).toEqual([
      { context: 'schema', id: 'T' },
      { context: 'menu', id: 'M' },
      { context: 'settings', id: 'A' }
    ]);
  });
});
