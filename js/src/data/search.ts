// How the search reads a query: the same rules as nbdissect/display/search.py.

/** What is found: everything that meets one of the alternatives. */
export interface Search {
  /** The query as it was typed: it may be the address of a unit, whatever signs are in that. */
  whole: string;
  alternatives: Alternative[];
}

interface Alternative {
  /** As it was typed, for an address with spaces in it. */
  text: string;
  terms: Term[];
}

interface Term {
  text: string;
  /** Finds the term in the name and category of a concept. */
  pattern: RegExp;
}

const SPACE = "\\s\\x1c-\\x1f\\x85\\ufeff"; // what either language takes for one
const TOKEN = new RegExp(`"([^"]*)("|$)|[^${SPACE},]+|,`, "gu");
const SPACES = new RegExp(`[${SPACE}]+`, "gu");
/** Letters of scripts that put spaces between words, and digits. */
const SPACED = /^[\p{Lu}\p{Ll}\p{Lt}\p{N}]$/u;
const IN_WORD = "[\\p{L}\\p{N}\\p{M}]";

/**
 * Reads a query: a comma is an "or", what stands in quotes is meant exactly so, and all other words must each
 * begin a word of the concept's name or category.
 */
export function searchOf(query: string): Search {
  const text = plain(query);
  const alternatives: Alternative[] = [];
  let start = 0;
  let terms: Term[] = [];
  const end = (at: number) => {
    if (terms.length) alternatives.push({ text: trimmed(text.slice(start, at)), terms });
    [start, terms] = [at + 1, []];
  };
  for (const match of text.matchAll(TOKEN)) {
    const [token, quoted, closing] = match;
    if (token === ",") end(match.index);
    else if (quoted === undefined) terms.push(termOf(token, false));
    else if (trimmed(quoted)) terms.push(termOf(trimmed(quoted), closing === '"'));
  }
  end(text.length);
  return { whole: trimmed(text), alternatives };
}

/** Whether a concept is found, by name or category. */
export const findsConcept = ({ alternatives }: Search, name: string, category: string): boolean => {
  const about = `${name} ${category}`.toLowerCase();
  return (
    !alternatives.length || alternatives.some(({ terms }) => terms.every((term) => term.pattern.test(about)))
  );
};

/** Whether a unit is found: by its number, its address, or what is said of it. */
export function findsUnit(
  { whole, alternatives }: Search,
  unit: number,
  address: string,
  about: string,
): boolean {
  if (!alternatives.length || whole === address.toLowerCase()) return true;
  const own = [String(unit), address.toLowerCase()];
  const words = about.toLowerCase();
  return alternatives.some(
    ({ text, terms }) =>
      own.includes(text) || terms.every((term) => own.includes(term.text) || term.pattern.test(words)),
  );
}

function termOf(text: string, whole: boolean): Term {
  const signs = [...text];
  const escaped = text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  const start = SPACED.test(signs[0]) ? `(?<!${IN_WORD})` : "";
  const end = whole && SPACED.test(signs[signs.length - 1]) ? `(?!${IN_WORD})` : "";
  return { text, pattern: new RegExp(start + escaped + end, "u") };
}

/** Where the last alternative of a query begins: the one that is being typed. */
export function lastAlternative(query: string): number {
  const commas = [...straight(query).matchAll(TOKEN)].filter(([token]) => token === ",");
  return (commas.at(-1)?.index ?? -1) + 1;
}

/** In small letters, with the quotes that typewriters have. */
const plain = (query: string): string => straight(query).toLowerCase();

const straight = (query: string): string => query.replace(/[“”„]/g, '"');

const trimmed = (text: string): string => text.replace(SPACES, " ").trim();
