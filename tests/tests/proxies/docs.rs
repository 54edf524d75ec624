//! What docs/proxies.md prints is what these tests run.

use std::fs;

use keystead_tests::proxies;

use crate::proxy::Kind;

const PAGE: &str = include_str!("../../../docs/proxies.md");

#[test]
fn the_page_prints_each_file_as_it_is_and_no_other() {
    let blocks = PAGE.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    let mut printed: Vec<_> = blocks.map(|(_, text)| format!("{text}\n")).collect();
    let mut files: Vec<_> =
        Kind::ALL.iter().flat_map(|kind| kind.files()).map(|file| proxies::example(file)).collect();
    let folder = fs::read_dir(proxies::file("")).unwrap().count();
    assert_eq!(files.len(), folder, "each file is run");
    printed.sort();
    files.sort();
    assert_eq!(printed, files);
}
