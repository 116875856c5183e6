/** What a check found, above the notebook: each problem names its cell, and leads there. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Button } from '../panel/button';
import type { CheckModel, IFound } from './checkModel';

interface IParts {
  model: CheckModel;
  trans: TranslationBundle;
  /** Opens the arena's settings. */
  onSettings: () => void;
}

/** The strip; as high as what it says. */
export class CheckStrip extends ReactWidget {
  constructor(parts: IParts) {
    super();
    this._parts = parts;
    this.addClass('jp-Autoloop-checkStrip');
    this.hide();
    parts.model.changed.connect(
      () => this.setHidden(parts.model.standing === 'away'),
      this
    );
  }

  protected render(): JSX.Element {
    const { model } = this._parts;
    return (
      <UseSignal signal={model.changed}>
        {() => <Strip {...this._parts} onHeight={this._measure} />}
      </UseSignal>
    );
  }

  /** The box that holds it lays out by least heights, which text does not have by itself. */
  private readonly _measure = (height: number): void => {
    this.node.style.minHeight = `${height}px`;
    this.parent?.fit();
  };

  private readonly _parts: IParts;
}

function Strip(
  props: IParts & { onHeight: (height: number) => void }
): JSX.Element | null {
  const { model, trans, onSettings, onHeight } = props;
  const ref = React.useRef<HTMLElement>(null);
  const away = model.standing === 'away';
  React.useLayoutEffect(() => {
    const node = ref.current;
    if (!node) {
      return;
    }
    const measure = () => onHeight(node.offsetHeight);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    return () => observer.disconnect();
  }, [away]);
  if (away) {
    return null;
  }
  const look = lookOf(model);
  const sign = { sound: '✓', unsound: '×', plain: '' }[look];
  const asking = model.standing === 'asking' ? trans.__('Checking…') : '';
  return (
    <section
      ref={ref}
      className="jp-Autoloop-check-strip"
      aria-label={trans.__('Check of this arena')}
    >
      <div className="jp-Autoloop-check-head">
        <span role="status" className={`jp-mod-${look}`}>
          {sign && <span aria-hidden="true">{sign} </span>}
          {headline(model, trans)}
        </span>
        <span className="jp-Autoloop-check-acts">
          <Button onClick={onSettings}>{trans.__('Arena settings…')}</Button>
          <Button
            kind={model.standing === 'offered' ? 'primary' : 'plain'}
            reason={asking}
            onClick={() => void model.check()}
          >
            {model.standing === 'offered'
              ? trans.__('Check')
              : trans.__('Check again')}
          </Button>
          <Button
            kind="quiet"
            label={trans.__('Close')}
            onClick={() => model.close()}
          >
            ×
          </Button>
        </span>
      </div>
      {model.standing === 'told' && model.found.length > 0 && (
        <ul>
          {model.found.map((one, index) => (
            <Problem key={index} one={one} {...props} />
          ))}
        </ul>
      )}
    </section>
  );
}

function lookOf(model: CheckModel): 'sound' | 'unsound' | 'plain' {
  if (model.standing === 'told') {
    return model.sound ? 'sound' : 'unsound';
  }
  return model.standing === 'failed' ? 'unsound' : 'plain';
}

function headline(model: CheckModel, trans: TranslationBundle): string {
  const errors = model.found.filter(one => one.level === 'error').length;
  switch (model.standing) {
    case 'offered':
      return model.settled
        ? trans.__(
            'This notebook is becoming an arena: check whether it can run.'
          )
        : trans.__(
            'This notebook is becoming an arena: say what its score is called and how long a run may take.'
          );
    case 'asking':
      return trans.__('Checking…');
    case 'failed':
      return trans.__('Not checked: %1', model.line);
    default:
      return model.sound
        ? model.line || trans.__('This arena can run.')
        : trans._n(
            '%1 thing keeps this arena from running',
            '%1 things keep this arena from running',
            errors
          );
  }
}

function Problem(props: IParts & { one: IFound }): JSX.Element {
  const { model, trans, one, onSettings } = props;
  const goal = one.id !== null ? () => void model.show(one) : onSettings;
  const leads = one.id !== null || one.settings;
  const place = one.settings ? trans.__('settings') : one.place;
  return (
    <li>
      <span className={`jp-mod-${one.level}`}>
        {one.level === 'error' ? '×' : '·'}
      </span>
      <span>
        {leads ? (
          <button
            type="button"
            className="jp-Autoloop-check-place"
            onClick={goal}
          >
            {place}
          </button>
        ) : (
          <span>{place}</span>
        )}{' '}
        {one.what}
        {one.mend && (
          <span className="jp-Autoloop-check-mend"> — {one.mend}</span>
        )}
      </span>
    </li>
  );
}
