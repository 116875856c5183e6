/**
 * What notebooks hold beside an iteration and a proposal (wire.ts): the JSON of histories, comparisons, arenas and
 * drivers. Lengths of time are in seconds, moments in seconds since 1970; a score that is no number is null.
 */
import type {
  IChange,
  ICost,
  IFresh,
  IIteration,
  IMark,
  IMetric,
  IPoint,
  ISeconds,
  Standing,
  Verdict
} from '../wire';

/**
 * An iteration as a notebook holds it. What is held against its base may be missing: records of older versions, and of
 * iterations without a base, have none.
 */
export interface IShownIteration extends IIteration {
  base_score: number | null;
  base_curve: IPoint[];
  base_facts: Record<string, unknown>;
  champion: boolean;
  budget_s: number | null;
  clock: 'wall' | 'cpu';
  /** Records of older versions have neither this nor what follows. */
  cost: ICost | null;
  fresh: IFresh | null;
  /** The line of an agent that it belongs to, and whose iteration it tries; empty for most. */
  island?: string;
  origin?: string;
}

/** One line of a history; a proposal that never ran has no number, and its status as `verdict`. */
export interface IHistoryRow {
  number: number | null;
  base: number | null;
  verdict: string | null;
  state: Standing | null;
  score: number | null;
  title: string;
  agent: string;
  attempts: number;
  seconds: ISeconds;
  notebook: string;
  reason: string;
  epoch: number | null;
  /** The line of an agent that it belongs to; empty for the main line. */
  island: string;
}

/** `application/vnd.autoloop.history+json`: the latest of `total` iterations, oldest first. */
export interface IHistory {
  metric: IMetric;
  champion: number | null;
  total: number;
  rows: IHistoryRow[];
  unrun: IHistoryRow[];
}

/** One of the two iterations of a comparison. */
export interface ICompared extends IHistoryRow {
  number: number;
  facts: Record<string, unknown>;
  curve: IPoint[];
  budget_s: number | null;
  clock: 'wall' | 'cpu';
  /** Records of older versions have none. */
  fresh: IFresh | null;
}

/** `application/vnd.autoloop.comparison+json`; `difference`: the score of `b` less that of `a`, null across epochs. */
export interface IComparison {
  arena: string;
  metric: IMetric;
  a: ICompared;
  b: ICompared;
  comparable: boolean;
  difference: number | null;
  changes: IChange[];
}

/** A worker and what it runs; `number` is null where it runs nothing, and `text` says what is the matter with it. */
export interface IStaffed {
  name: string;
  state: string;
  text: string;
  number: number | null;
  title: string;
  phase: string;
}

/** What arenas and drivers have in common: how the loop stands. */
export interface IStanding {
  arena: string;
  state: string;
  driver: { pid: number; host: string } | null;
  iteration: {
    number: number;
    title: string;
    agent: string;
    phase: string;
  } | null;
  /** What the workers run, where there are several; records of older versions have none. */
  workers: readonly IStaffed[];
  champion: IMark | null;
  best: IMark | null;
  baseline: IMark | null;
  metric: IMetric;
  epoch: number | null;
  counts: Partial<Record<Verdict, number>>;
  rate_per_hour: number | null;
  seconds: number;
}

/** `application/vnd.autoloop.arena+json`; `units` gives each editable unit's kind (cell or file). */
export interface IArenaRecord extends IStanding {
  strategy: string;
  units: Record<string, string>;
  budget_s: number | null;
  clock: 'wall' | 'cpu';
}

/** `application/vnd.autoloop.driver+json`; `verdicts` counts what this driver ran, `ended` says why it ended. */
export interface IDriverRecord extends IStanding {
  planned: number | null;
  ran: number;
  verdicts: Partial<Record<Verdict, number>>;
  left_seconds: number | null;
  ended: string | null;
  /** Who else works on the arena, a line each; records of older versions have none. */
  company: readonly string[];
}
