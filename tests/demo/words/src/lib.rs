//! Words, from a file that the build script turns into code.
include!(concat!(env!("OUT_DIR"), "/words.rs"));

/// The words that begin with a letter up to `last`.
pub fn up_to(last: char) -> impl Iterator<Item = &'static str> {
    WORDS
        .into_iter()
        .filter(move |w| w.starts_with(|c| c <= last))
}

#[cfg(test)]
mod tests {
    #[test]
    fn three() {
        assert_eq!(super::up_to('c').count(), 3);
    }
}
