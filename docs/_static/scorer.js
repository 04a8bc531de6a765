// Search: what is called exactly as asked comes before modules that only contain the word.
var Scorer = {
  objNameMatch: 40,
  objPartialMatch: 6,
  objPrio: {0: 5, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
