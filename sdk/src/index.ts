import { start } from "./start";

try {
  start(window);
} catch {}
