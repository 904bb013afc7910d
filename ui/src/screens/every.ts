import { useEffect, useState } from "preact/hooks";

/** Counts up every `ms` while the page is looked at. */
export function useEvery(ms: number): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setCount((before) => before + 1), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return count;
}
