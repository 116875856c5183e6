/** How much of an iteration's budget is used, as a ring with what is left in its middle. */
import * as React from 'react';

const RADIUS = 10.5;
const ROUND = 2 * Math.PI * RADIUS;

/** Seconds on the arena's clock, and the ring's name for those who listen. */
export interface IBudgetRingProps {
  spent: number;
  budget: number;
  label: string;
}

/** The ring: full when the budget is used up. The number in it is whole seconds (minutes, hours where many are left). */
export function BudgetRing(props: IBudgetRingProps): React.JSX.Element {
  const { spent, budget, label } = props;
  const share = used(spent, budget);
  const left = remaining(spent, budget);
  return (
    <svg
      className={`jp-Autoloop-ring${share >= 1 ? ' jp-mod-over' : ''}`}
      viewBox="0 0 26 26"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={budget}
      aria-valuenow={Math.min(budget, Math.max(0, Math.round(spent)))}
      aria-valuetext={`${Math.round(spent)} / ${Math.round(budget)} s`}
    >
      <circle className="jp-Autoloop-ring-track" cx="13" cy="13" r={RADIUS} />
      <circle
        className="jp-Autoloop-ring-used"
        cx="13"
        cy="13"
        r={RADIUS}
        strokeDasharray={ROUND}
        strokeDashoffset={ROUND * (1 - share)}
      />
      <text
        className={left.length > 2 ? 'jp-mod-long' : undefined}
        x="13"
        y="13"
        textAnchor="middle"
        dominantBaseline="central"
      >
        {left}
      </text>
    </svg>
  );
}

/** The share of the budget that is used, 0 to 1. */
export function used(spent: number, budget: number): number {
  const share = spent / budget;
  return Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
}

/** What is left, in at most three signs: `6`, `120`, `17m`, `4h`. */
export function remaining(spent: number, budget: number): string {
  const left = Math.max(0, Math.ceil(budget - spent - 1e-6)) || 0;
  if (left < 600) {
    return `${left}`;
  }
  return left < 6000
    ? `${Math.round(left / 60)}m`
    : `${Math.round(left / 3600)}h`;
}
