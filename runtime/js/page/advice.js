/** What to do with an answer: the same for whoever doubts a picture and for whoever is doubted. */

/** @typedef {{title: string, text: string}} Advice */

/** @type {Readonly<Record<'ai' | 'unsure' | 'no_sign', Advice>>} */
const FIRST = {
  ai: {
    title: 'Ask before you say anything.',
    text: 'The answer alone is no reason to blame, to fail, or to refuse somebody.',
  },
  unsure: { title: 'Take it as no answer.', text: 'It speaks for neither side.' },
  no_sign: {
    title: 'Check as if this page had said nothing.',
    text: 'Above all where a picture asks for your money, your vote, or your anger.',
  },
};

/** @type {Advice} */
const OWN = {
  title: 'Is it your own picture, and somebody doubts it?',
  text:
    'Show the original file, the frames before and after it, the raw file or the layers: they say more than any ' +
    'detector. The case file below names how often this answer is wrong; hand it over with them.',
};

/** @type {readonly Advice[]} */
const ALWAYS = [
  { title: 'Find the source.', text: 'Who published it first, when and where? Do they stand by it?' },
  {
    title: 'Get the original file.',
    text:
      'Not a screenshot, and not the copy of a messenger or social network: these take away what can be seen and ' +
      'what the file says of itself.',
  },
  {
    title: 'Search for the picture itself.',
    text:
      'A reverse image search finds earlier and larger copies. It sends the picture to the search engine, so decide ' +
      'whether it may go there.',
  },
  {
    title: 'Look for other evidence.',
    text: 'Other pictures of the same moment, the place, the weather, people who were there.',
  },
];

/**
 * What to do now.
 *
 * @param {import('./words.js').Answer} record
 * @returns {Advice[]}
 */
export function advice({ verdict }) {
  return [FIRST[verdict ?? 'unsure'], ...(verdict === 'no_sign' ? [] : [OWN]), ...ALWAYS];
}
