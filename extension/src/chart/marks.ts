/**
 * The house's signs as shapes, the same as in every other face: ● confirmed keep, ○ provisional keep, · discard,
 * ◇ refuted keep, ▽ pruned, × crash, ⧖ timeout, ◌ cut short, ▲ off the scale. Shapes are numbers here, so that the
 * canvas and the legend draw the same ones.
 */
import type { IRow } from '../wire';
import type { IColours } from './colours';

/** What a mark says. `outside` is a discard that lies so far off that it is drawn at the edge. */
export type MarkKind =
  | 'discard'
  | 'refuted'
  | 'pruned'
  | 'broken'
  | 'outside'
  | 'timeout'
  | 'crash'
  | 'provisional'
  | 'confirmed';

/** Every kind, from the one drawn first to the one that lies on top of all. */
export const KINDS: readonly MarkKind[] = [
  'discard',
  'refuted',
  'pruned',
  'broken',
  'outside',
  'timeout',
  'crash',
  'provisional',
  'confirmed'
];

/**
 * How one kind is drawn. `radius`: of a circle; `lines`: else its strokes, each a run of x, y, x, y, … (CSS pixels
 * about the mark's centre, y downwards); `closed`: whether each returns to its start. `stroke` is a width, 0 for none;
 * `fill` says what is inside: the mark's colour, the ground (which hides lines below), or nothing.
 */
export interface IMarkStyle {
  colour: keyof IColours;
  radius?: number;
  lines?: readonly (readonly number[])[];
  closed?: boolean;
  fill: 'colour' | 'ground' | 'none';
  stroke: number;
  alpha: number;
}

/** What shapes can be drawn into: a canvas, a Path2D, or `SVGSink`. */
export interface ISink {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  closePath(): void;
  arc(x: number, y: number, r: number, start: number, end: number): void;
}

// ◌ as six short arcs, near enough straight.
const BROKEN = [0, 1, 2, 3, 4, 5].map(i => {
  const turn = (i * Math.PI) / 3;
  return [turn - 0.24, turn + 0.24].flatMap(a => [
    3.3 * Math.cos(a),
    3.3 * Math.sin(a)
  ]);
});

/** How each kind looks. */
export const MARKS: Readonly<Record<MarkKind, IMarkStyle>> = {
  confirmed: {
    colour: 'keep',
    radius: 4.2,
    fill: 'colour',
    stroke: 0,
    alpha: 1
  },
  provisional: {
    colour: 'keep',
    radius: 3.5,
    fill: 'ground',
    stroke: 1.9,
    alpha: 1
  },
  discard: {
    colour: 'dot',
    radius: 2.3,
    fill: 'colour',
    stroke: 0,
    alpha: 0.7
  },
  refuted: {
    colour: 'dot',
    lines: [[0, -3.6, 3.6, 0, 0, 3.6, -3.6, 0]],
    closed: true,
    fill: 'ground',
    stroke: 1.2,
    alpha: 1
  },
  pruned: {
    colour: 'soft',
    lines: [[-3.6, -2.6, 3.6, -2.6, 0, 3.4]],
    closed: true,
    fill: 'ground',
    stroke: 1.2,
    alpha: 0.9
  },
  broken: {
    colour: 'soft',
    lines: BROKEN,
    fill: 'none',
    stroke: 1.3,
    alpha: 1
  },
  outside: {
    colour: 'dot',
    lines: [[-3, 2.2, 3, 2.2, 0, -2.8]],
    closed: true,
    fill: 'colour',
    stroke: 0,
    alpha: 0.7
  },
  timeout: {
    colour: 'warn',
    lines: [[-3, -3.8, 3, -3.8, -3, 3.8, 3, 3.8]],
    closed: true,
    fill: 'none',
    stroke: 1.4,
    alpha: 1
  },
  crash: {
    colour: 'crash',
    lines: [
      [-3.1, -3.1, 3.1, 3.1],
      [-3.1, 3.1, 3.1, -3.1]
    ],
    fill: 'none',
    stroke: 1.8,
    alpha: 1
  }
};

/** Which mark an iteration that has ended gets. */
export function kindOf(row: Pick<IRow, 'verdict' | 'state'>): MarkKind {
  switch (row.verdict) {
    case 'keep':
      return row.state ?? 'provisional';
    case 'pruned':
    case 'crash':
    case 'timeout':
      return row.verdict;
    case 'interrupted':
    case 'contended':
      return 'broken';
    default:
      return 'discard';
  }
}

/** How large marks are drawn, as a share of their size: they shrink where there are many in `width` pixels. */
export function shrink(total: number, width: number): number {
  const each = width / Math.max(1, total);
  return each > 2 ? 1 : each > 0.8 ? 0.85 : 0.7;
}

/**
 * Adds one mark to a path, about `x`, `y`. `scale` shrinks it; a `turned` one stands on its head, which is how
 * "off the scale" points down where the worse scores are the lower ones.
 */
export function trace(
  path: ISink,
  style: IMarkStyle,
  x: number,
  y: number,
  scale = 1,
  turned = false
): void {
  if (style.radius !== undefined) {
    const radius = style.radius * scale;
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  const up = turned ? -scale : scale;
  for (const line of style.lines ?? []) {
    path.moveTo(x + scale * line[0], y + up * line[1]);
    for (let i = 2; i < line.length; i += 2) {
      path.lineTo(x + scale * line[i], y + up * line[i + 1]);
    }
    if (style.closed) {
      path.closePath();
    }
  }
}

/** Writes what is drawn into it as the `d` of an SVG path. Arcs are whole circles. */
export class SVGSink implements ISink {
  /** The path so far. */
  d = '';

  moveTo(x: number, y: number): void {
    this.d += `M${tidy(x)} ${tidy(y)}`;
  }

  lineTo(x: number, y: number): void {
    this.d += `L${tidy(x)} ${tidy(y)}`;
  }

  closePath(): void {
    this.d += 'Z';
  }

  arc(x: number, y: number, r: number): void {
    const half = (to: number) => `A${r} ${r} 0 1 1 ${tidy(to)} ${tidy(y)}`;
    this.d += `${half(x - r)}${half(x + r)}Z`;
  }
}

function tidy(value: number): number {
  return Math.round(100 * value) / 100;
}
