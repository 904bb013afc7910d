import { words } from "../config";
import { track } from "../events";
import { on } from "../listen";
import type { Props } from "../weir";
import {
  attribute,
  isA,
  isCaptured,
  isIgnored,
  isToldByOlderForm,
  nameOf,
  OLDER_CLICKED,
  sendMark,
  textOf,
} from "./element";
import { isTold } from "./forms";

const LINK = "a[href],area[href]";
const BUTTON = "button,summary,[role=button],input[type=button],input[type=submit],input[type=image]";
const MARK = OLDER ? `[data-weir-event]:not(form),${OLDER_CLICKED}` : "[data-weir-event]:not(form)";
const FILES =
  "pdf doc docx odt xls xlsx ods csv tsv ppt pptx odp key pages numbers rtf txt epub mobi zip rar 7z gz tgz xz bz2 tar dmg pkg exe msi apk deb rpm iso jar mp3 wav ogg flac m4a mp4 m4v mov avi mkv webm wmv mpg mpeg psd ai svgz";

/** One listener for every element that there is or will be. What the click does is left as it is. */
export const captureClicks = () => on("click auxclick", (event) => clicked(event as MouseEvent));

function clicked(event: MouseEvent) {
  const path = event.composedPath().filter((node) => (node as Node).nodeType === 1) as Element[];
  const nearest = (selector: string) => path.find((element) => isA(element, selector));
  const link = nearest(LINK);
  // Of the other buttons only the middle one does anything, and to links alone.
  if (event.type === "auxclick" && (event.button !== 1 || !link)) return;
  const mark = nearest(MARK);
  const control = link || nearest(BUTTON);
  if (OLDER && mark && isToldByOlderForm(mark)) return;
  if (mark) sendMark(mark, { url: link && addressOf(link), text: textOf(mark) });
  else if (control && !path.some(isIgnored)) sendClick(control, link);
}

function sendClick(control: Element, link?: Element) {
  const url = link && addressOf(link);
  const kind = (link && kindOf(link, url)) || "clicks";
  if (!isCaptured(kind) || (!link && isTold(control))) return;
  const props: Props = { url, element: nameOf(control), text: textOf(control) };
  track({ clicks: "click", downloads: "download", outbound: "outbound" }[kind], props);
}

/** What it points to, without what may be personal in it. */
function addressOf(link: Element) {
  const url = new URL(attribute(link, "href") as string, document.baseURI);
  return /^http/.test(url.protocol) ? url.origin + url.pathname : undefined;
}

function kindOf(link: Element, url?: string): "downloads" | "outbound" | undefined {
  const extension = /\.(\w+)$/.exec(url || "");
  const own = words("downloads");
  const files = own.length ? own : FILES.split(" ");
  const isFile = extension && files.includes(extension[1].toLowerCase());
  if (isCaptured("downloads") && (isFile || attribute(link, "download") != null)) return "downloads";
  if (isCaptured("outbound") && url && siteOf(new URL(url)) !== siteOf(location)) return "outbound";
  return undefined;
}

const siteOf = ({ hostname }: { hostname: string }) => hostname.replace(/^www\./, "");
