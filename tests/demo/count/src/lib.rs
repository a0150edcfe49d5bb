//! Counts letters.
use std::collections::BTreeMap;

/// How often each letter occurs in all words.
pub fn letters() -> BTreeMap<char, usize> {
    let mut map = BTreeMap::new();
    for c in demo_words::WORDS.iter().flat_map(|w| w.chars()) {
        *map.entry(c).or_default() += 1;
    }
    map
}
