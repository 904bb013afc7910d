import { nameOf } from "./exchange.mjs";

/**
 * Runs in every page before all else, and writes down on the device which events there are: independent
 * of what becomes of them, and in the same task in which the tracker makes them.
 */
export function takeNotes() {
  if (!location.protocol.startsWith("http")) return;
  const stringify = JSON.stringify;
  JSON.stringify = (value, ...rest) => {
    const json = stringify(value, ...rest);
    // The tracker turns an event into text once, as it is made.
    if (value?.id && value.timestamp && value.url) localStorage[`made:${value.id}`] = json;
    return json;
  };
  // The last that a page hears as its tab is closed, after the tracker's own `pagehide`.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" || !sessionStorage.closing) return;
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith("weir:") && !(key in localStorage)) localStorage[`only-tab:${key.slice(5)}`] = "";
    }
  });
}

/**
 * What the notes say.
 * `made`: every event by its id, in words.
 * `onlyTab`: ids that nothing but a tab's own storage held as it closed. Their last request is all the hope
 * there is, and the tracker does not promise them: a copy that other pages could send would stay on the
 * device of everyone who closes a tab.
 */
export async function readNotes(page) {
  const notes = await page.evaluate(() => Object.entries(localStorage));
  const starting = (prefix) =>
    notes.filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]);
  return {
    made: new Map(starting("made:").map(([id, json]) => [id, nameOf(JSON.parse(json))])),
    onlyTab: new Set(starting("only-tab:").map(([id]) => id)),
  };
}

/** What the tracker still keeps in this tab and on the device. */
export function keptBy(page) {
  return page.evaluate(() =>
    [localStorage, sessionStorage].flatMap((shelf) =>
      Object.keys(shelf).filter((key) => key.startsWith("weir:")),
    ),
  );
}
