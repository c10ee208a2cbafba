// JSON as people read it: checked, indented, and cut into pieces that can be coloured.
// It does not know where it is shown. Numbers stay as they were written, however many digits they have.

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;

/** What is wrong with a text that should be JSON, or null where it is JSON. */
export function problem(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error.message;
  }
}

/** The pieces of a JSON text, indented: `[kind, text]`, where punctuation has no kind. Null where it is no JSON. */
export function pieces(text) {
  if (problem(text) !== null) return null;
  const tokens = text.match(TOKEN);
  const out = [];
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  tokens.forEach((token, place) => {
    const next = tokens[place + 1];
    if (token === "{" || token === "[") {
      depth += 1;
      out.push(["", next === "}" || next === "]" ? token : token + line()]);
    } else if (token === "}" || token === "]") {
      depth -= 1;
      const isEmpty = tokens[place - 1] === "{" || tokens[place - 1] === "[";
      out.push(["", isEmpty ? token : line() + token]);
    } else if (token === ",") out.push(["", `,${line()}`]);
    else if (token === ":") out.push(["", ": "]);
    else out.push([kind(token, next), token]);
  });
  return out;
}

export const indented = (text) =>
  pieces(text)
    ?.map(([, piece]) => piece)
    .join("") ?? null;

function kind(token, next) {
  if (token[0] === '"') return next === ":" ? "key" : "text";
  return /[tfn]/.test(token[0]) ? "word" : "number";
}
