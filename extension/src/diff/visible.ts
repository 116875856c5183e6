/** Controls but tab and newline, and the marks that turn the order of writing round. */
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * `text` as it may be shown anywhere: what cannot be seen is written out (`\x1b`, `\u202e`), so that text may not pass
 * for what it is not. As `visible` in the server's views.
 */
export function visible(text: string): string {
  return text.replace(HIDDEN, found => {
    const code = found.charCodeAt(0);
    return code < 256
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** `text` on one line of at most `width` characters, ended by an ellipsis where something was cut. */
export function oneLine(text: string, width = 300): string {
  // Cut before it is searched: an agent's title may have the length of a book.
  const line = visible(
    text
      .slice(0, 4 * width)
      .replace(/\s+/g, ' ')
      .trim()
  );
  const cut = line.length > width || text.length > 4 * width;
  return cut ? `${line.slice(0, Math.max(0, width - 1)).trimEnd()}…` : line;
}
