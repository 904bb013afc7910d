import { flag } from "../countries";

let drawn: boolean | undefined;

/** Some systems have no pictures for flags and show boxes or letters: then a small code is nicer. */
function flagsAreDrawn(): boolean {
  if (drawn === undefined) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 24;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context?.fillText(flag("DE"), 2, 18);
    const pixels = context?.getImageData(0, 0, 24, 24).data ?? [];
    drawn = false;
    for (let at = 0; at < pixels.length && !drawn; at += 4) drawn = pixels[at] !== pixels[at + 2];
  }
  return drawn;
}

export function Flag({ code }: { code: string }) {
  const isCode = /^[A-Z]{2}$/.test(code);
  return (
    <span
      aria-hidden="true"
      class={`mr-2.5 inline-block w-6 text-center ${flagsAreDrawn() ? "" : "rounded border border-edge/50 font-mono text-[0.6875rem] leading-4 text-soft"}`}
    >
      {flagsAreDrawn() ? flag(code) : isCode ? code : "–"}
    </span>
  );
}
