// What a measurement is: a name, what it is about, and rows of a table. One file each in this directory.

export interface Row {
  what: string;
  measured: string;
  /** What it is held against, measured in the same run. */
  against?: string;
  /** Ours to the other's. */
  ratio?: string;
  target?: string;
  /** Absent: there is no target, or it was not measured. */
  met?: boolean;
}

export interface Measurement {
  name: string;
  about: string;
  needsRoot?: boolean;
  /** Tells each row as soon as it is known. @returns a reason when this machine cannot be measured */
  run(tell: (row: Row) => void): Promise<string | undefined>;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))] ?? Number.NaN;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

export function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}

export function perSecond(rate: number): string {
  return `${rate < 10 ? rate.toFixed(2) : Math.round(rate).toLocaleString('en')}/s`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
