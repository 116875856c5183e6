/** An SVG file is imported as its text, which is what LabIcon takes. */
declare module '*.svg' {
  const text: string;
  export default text;
}
