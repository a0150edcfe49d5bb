use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=words.txt");
    let words = fs::read_to_string("words.txt").unwrap();
    let list: Vec<_> = words.lines().map(|w| format!("    {w:?},\n")).collect();
    let code = format!(
        "pub const WORDS: [&str; {}] = [\n{}];\n",
        list.len(),
        list.concat()
    );
    let out = env::var("OUT_DIR").unwrap();
    fs::write(Path::new(&out).join("words.rs"), code).unwrap();
}
