/** What is drawn on the canvas of the progress chart; the unit is a CSS pixel from the plot's upper left corner. */
import type { IColours } from './colours';
import { MarkKind, KINDS, MARKS, shrink, trace } from './marks';
import { IPlaces, IView, toX } from './place';

/** How opaque the noise band is: soft, and still there in a dark theme. */
const BAND = 0.15;
/** Marks that are shrunk further than this are a crowd, and fainter, so that the keeps stand out. */
const CROWD = 0.8;
const FAINT = 0.6;

/** Draws the marks of these kinds, one path a kind, so that 10,000 cost a few strokes and fills. */
export function drawMarks(
  ctx: CanvasRenderingContext2D,
  places: IPlaces,
  kinds: readonly MarkKind[],
  colours: IColours,
  view: IView,
  turned: boolean
): void {
  const scale = shrink(places.xs.length, view.width);
  const fine = scale < 1 ? 1 : 3;
  for (const kind of kinds) {
    const style = MARKS[kind];
    const at = KINDS.indexOf(kind);
    const path = new Path2D();
    const seen = new Set<number>();
    for (let i = 0; i < places.xs.length; i++) {
      if (places.kinds[i] !== at) {
        continue;
      }
      // What all but covers another of its kind adds nothing but work.
      const [x, y] = [places.xs[i], places.ys[i]];
      const cell = Math.round(fine * x) * 65536 + Math.round(fine * y);
      if (!seen.has(cell)) {
        seen.add(cell);
        trace(path, style, x, y, scale, turned && kind === 'outside');
      }
    }
    if (seen.size) {
      paint(ctx, path, kind, colours, scale);
    }
  }
  ctx.globalAlpha = 1;
}

/**
 * Draws the best-so-far line (`line`: x, y, x, y, …) with its band of `noise` pixels on either side (0 for none), cut
 * at the plot's borders.
 */
export function drawStairs(
  ctx: CanvasRenderingContext2D,
  line: readonly number[],
  noise: number,
  colours: IColours,
  view: IView
): void {
  if (!line.length) {
    return;
  }
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, -1, view.width, view.height + 2);
  ctx.clip();
  if (noise > 0) {
    ctx.fillStyle = colours.champion;
    ctx.globalAlpha = BAND;
    ctx.fill(bandPath(line, noise));
  }
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colours.champion;
  ctx.lineWidth = 1.9;
  ctx.lineJoin = 'miter';
  ctx.stroke(linePath(line));
  ctx.restore();
}

/** Draws the dashed line at the iteration under way. */
export function drawRunning(
  ctx: CanvasRenderingContext2D,
  number: number,
  colours: IColours,
  view: IView
): void {
  const x = Math.round(toX(number, view));
  if (x < 0 || x > view.width) {
    return;
  }
  ctx.save();
  ctx.strokeStyle = colours.soft;
  ctx.lineWidth = 1;
  ctx.setLineDash([2, 3]);
  ctx.beginPath();
  ctx.moveTo(x + 0.5, 0);
  ctx.lineTo(x + 0.5, view.height);
  ctx.stroke();
  ctx.restore();
}

function paint(
  ctx: CanvasRenderingContext2D,
  path: Path2D,
  kind: MarkKind,
  colours: IColours,
  scale: number
): void {
  const style = MARKS[kind];
  const crowded = scale < CROWD && style.colour !== 'keep';
  ctx.globalAlpha = crowded ? FAINT * style.alpha : style.alpha;
  if (style.fill !== 'none') {
    ctx.fillStyle =
      style.fill === 'ground' ? colours.ground : colours[style.colour];
    ctx.fill(path);
  }
  if (style.stroke > 0) {
    ctx.strokeStyle = colours[style.colour];
    ctx.lineWidth = style.stroke * scale;
    ctx.lineJoin = 'round';
    ctx.stroke(path);
  }
}

function linePath(line: readonly number[]): Path2D {
  const path = new Path2D();
  path.moveTo(line[0], line[1]);
  for (let i = 2; i < line.length; i += 2) {
    path.lineTo(line[i], line[i + 1]);
  }
  return path;
}

function bandPath(line: readonly number[], noise: number): Path2D {
  const path = new Path2D();
  path.moveTo(line[0], line[1] - noise);
  for (let i = 2; i < line.length; i += 2) {
    path.lineTo(line[i], line[i + 1] - noise);
  }
  for (let i = line.length - 2; i >= 0; i -= 2) {
    path.lineTo(line[i], line[i + 1] + noise);
  }
  path.closePath();
  return path;
}
