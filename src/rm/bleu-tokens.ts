// every character of {-~, [-`, space-&, (-+, :-@ and / stands alone: all ASCII punctuation but ' , - .
const punctuation = /([{-~[-` -&(-+:-@/])/g

/**
 * The "13a" tokens of WMT's mteval-v13a, as BLEU is computed with: punctuation apart from words, but 3.50 and 1,000 in one
 * piece. Case is kept.
 */
export function bleuTokens(text: string): string[] {
  let line = text.replaceAll('<skipped>', '').replace(/-\n/g, '').replaceAll('\n', ' ')
  if (line.includes('&')) line = unescapeEntities(line)
  return ` ${line} `
    .replace(punctuation, ' $1 ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ')
    .split(/\s+/)
    .filter((token) => token !== '')
}

const unescapeEntities = (line: string): string =>
  line.replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>')
