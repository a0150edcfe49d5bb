//! A proc macro that reads a file: an input no command line names.
use proc_macro::TokenStream;

/// The number of lines of a file of the workspace.
#[proc_macro]
pub fn line_count(input: TokenStream) -> TokenStream {
    let name = input.to_string();
    let text = std::fs::read_to_string(name.trim_matches('"')).unwrap();
    format!("{}usize", text.lines().count()).parse().unwrap()
}
