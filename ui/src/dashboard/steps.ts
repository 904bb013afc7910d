// Where an axis has its lines and labels.

import type { Metric } from "../format";

/** Round steps that keep at most five lines; durations step by minutes. */
export function stepsOf(max: number, metric: Metric): number[] {
  const target = Math.max(max, metric === "views_per_visit" ? 1 : 4) / 4;
  const step =
    metric === "visit_duration" ? durationStep(target) : roundStep(target, metric !== "views_per_visit");
  const count = Math.max(1, Math.ceil(max / step));
  return Array.from({ length: count + 1 }, (_, at) => Math.round(at * step * 100) / 100);
}

function roundStep(target: number, whole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(target));
  const fits = (factor: number) => factor * power >= target && (!whole || Number.isInteger(factor * power));
  return ([1, 2, 2.5, 5, 10].find(fits) ?? 10) * power;
}

function durationStep(target: number): number {
  const steps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
  return steps.find((step) => step >= target) ?? Math.ceil(target / 3600) * 3600;
}

export function labelPlaces(count: number, widthPx: number): number[] {
  const step = Math.max(1, Math.ceil(count / Math.max(2, Math.floor(widthPx / 84))));
  const places: number[] = [];
  for (let at = 0; at < count; at += step) places.push(at);
  return places;
}
