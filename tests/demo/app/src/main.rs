fn main() {
    let lines = demo_macros::line_count!("words/words.txt");
    let most = demo_count::letters()
        .into_iter()
        .max_by_key(|&(_, n)| n)
        .unwrap();
    let first: Vec<_> = demo_words::up_to('c').collect();
    println!("{} lines, most often {most:?}, {}", lines, first.join(" "));
}
