// Names as the server writes them, for people.

export function plain(name: string): string {
  return name.replaceAll("_", " ");
}

export function sentenceCase(name: string): string {
  const words = plain(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
