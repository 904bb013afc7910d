/** A pasted domain may carry a space, and domains know no case. */
export function confirms(typed: string, domain: string): boolean {
  return typed.trim().toLowerCase() === domain.toLowerCase();
}
