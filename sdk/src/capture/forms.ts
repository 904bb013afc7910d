import { track } from "../events";
import { on } from "../listen";
import { isCaptured, isIgnored, markOf, nameOf, sendMark } from "./element";

/** That a form was sent, and nothing of what is in it. */
export function captureForms() {
  on("submit", ({ target }) => {
    const form = target as Element;
    if (markOf(form)) sendMark(form);
    else if (isCaptured("forms") && !isIgnored(form)) track("form", { element: nameOf(form) });
  });
}

/** Whether the form tells already of a click on this button. */
export function isTold(button: Element) {
  const { form, type } = button as HTMLButtonElement;
  return form && /^(submit|image)$/.test(type) && (markOf(form) || isCaptured("forms"));
}
