/**
 * What all views are made of: heads, figures, pairs, prose, folds. Everything that an agent wrote becomes a text node,
 * with what cannot be seen written out.
 */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { createDiff } from '../diff/diff';
import { oneLine, visible } from '../diff/visible';
import type { IChange } from '../wire';
import { grouped } from '../words';
import type { ILook } from '../words';
import { FACTS } from './format';
import { wording } from './wording';

/** What every view gets besides its record. */
export interface IContext {
  trans: TranslationBundle;
  languages?: IEditorLanguageRegistry;
  /** Opens an executed notebook, whose path is relative to its arena's folder; null where nothing can. */
  open: ((notebook: string) => Promise<void>) | null;
}

/** A title and a line of small facts below it. */
export function Head(props: {
  title: string;
  below: readonly string[];
  children?: React.ReactNode;
}): React.JSX.Element {
  // No <h3>: JupyterLab would put every record shown into the notebook's table of contents.
  return (
    <header className="jp-Autoloop-Mime-head">
      <div
        className="jp-Autoloop-Mime-title"
        role="heading"
        aria-level={3}
        dir="auto"
      >
        {oneLine(props.title)}
      </div>
      {props.children}
      <div className="jp-Autoloop-Mime-sub">
        {props.below
          .filter(Boolean)
          .map(each => oneLine(each, 120))
          .join(' · ')}
      </div>
    </header>
  );
}

/** A sign and its word, in their colour. */
export function Sign(props: {
  look: ILook;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { look, trans } = props;
  return (
    <span className="jp-Autoloop-Mime-sign" data-kind={look.kind}>
      {look.sign} {wording(look.word, trans)}
    </span>
  );
}

/** A large figure with a small label below it; `good` sets it in the colour of a keep. */
export interface IFigure {
  value: React.ReactNode;
  label: string;
  good?: boolean;
}

/** A row of large figures; nothing without any. */
export function Figures(props: {
  items: readonly (IFigure | null)[];
}): React.JSX.Element | null {
  const items = props.items.filter((item): item is IFigure => item !== null);
  return items.length === 0 ? null : (
    <dl className="jp-Autoloop-Mime-figures">
      {items.map((item, place) => (
        <div key={place} className="jp-Autoloop-Mime-figure">
          <dt>{oneLine(item.label, 120)}</dt>
          <dd className={item.good ? 'jp-mod-good' : undefined}>
            {item.value}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Names and values in one line, with a label before them; nothing without any. */
export function Pairs(props: {
  label: string;
  pairs: readonly [string, React.ReactNode][];
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { label, pairs, trans } = props;
  const more = pairs.length - FACTS;
  return pairs.length === 0 ? null : (
    <div className="jp-Autoloop-Mime-pairs">
      <span className="jp-Autoloop-Mime-label">{label}</span>
      <div className="jp-Autoloop-Mime-values">
        {pairs.slice(0, FACTS).map(([name, value], place) => (
          <span key={place} className="jp-Autoloop-Mime-pair">
            <span className="jp-Autoloop-Mime-key">{oneLine(name, 60)}</span>{' '}
            {value}
          </span>
        ))}
        {more > 0 && (
          <span className="jp-Autoloop-Mime-key">
            {trans.__('and %1 more', grouped(more))}
          </span>
        )}
      </div>
    </div>
  );
}

/** A plain sentence about what is shown. */
export function Note(props: { children: string }): React.JSX.Element {
  return <p className="jp-Autoloop-Mime-note">{visible(props.children)}</p>;
}

/** A hypothesis as paragraphs; of more than `limit` characters the rest is left out. */
export function Prose(props: {
  text: string;
  limit?: number;
}): React.JSX.Element {
  const { text, limit = 4000 } = props;
  const cut = text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
  const paragraphs = cut.split(/\n\s*\n/).filter(each => each.trim());
  return (
    <>
      {paragraphs.map((each, place) => (
        <p key={place} className="jp-Autoloop-Mime-prose" dir="auto">
          {visible(each.replace(/\s+/g, ' ').trim())}
        </p>
      ))}
    </>
  );
}

/** Something behind a line that opens it. */
export function Fold(props: {
  summary: string;
  open?: boolean;
  children: React.ReactNode;
}): React.JSX.Element {
  return (
    <details className="jp-Autoloop-Mime-fold" open={props.open}>
      <summary>{props.summary}</summary>
      {props.children}
    </details>
  );
}

/** The changes as cards; the same changes given again leave the cards, and what is unfolded in them, as they are. */
export function Changes(props: {
  changes: readonly IChange[];
  context: IContext;
}): React.JSX.Element {
  const { changes, context } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const key = JSON.stringify(changes);
  React.useEffect(() => {
    const { trans, languages } = context;
    const diff = createDiff(host.current!, changes, { trans, languages });
    return () => diff.dispose();
  }, [key]);
  return <div ref={host} className="jp-Autoloop-Mime-changes" />;
}

/** Counts of verdicts as `3 ○ keep, 8 · discard`, in the given order; signs stand before words. */
export function Counts(props: {
  counts: readonly [ILook, number][];
  trans: TranslationBundle;
}): React.JSX.Element {
  return (
    <span className="jp-Autoloop-Mime-counts">
      {props.counts.map(([look, count]) => (
        <span key={look.kind}>
          {grouped(count)} <Sign look={look} trans={props.trans} />
        </span>
      ))}
    </span>
  );
}
