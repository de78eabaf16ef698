// Numbers of samples.

/** The value below which a share of the samples lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** What is kept of samples. */
export const figures = values => ({ n: values.length, p50: quantile(values, 0.5), p95: quantile(values, 0.95) })
